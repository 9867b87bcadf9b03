#include "key_encoding.hpp"

#include "xx_hash.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tiercel::wire {
namespace {

// "tiercel k" folded into a number: any constant but 0, which seeds the fingerprint. Part of the format.
constexpr std::uint64_t key_hash_seed = 0x7469'6572'6365'6C6BULL;
constexpr BytesView hash_mark = "%#";
constexpr std::size_t hash_form_bytes = hash_mark.size() + 32;
constexpr BytesView hex_digits = "0123456789ABCDEF";

bool is_plain(char byte) noexcept {
    return byte >= 0x21 && byte <= 0x7e && byte != '%';
}

void append_hex(unsigned char byte, Bytes& out) {
    out.push_back(hex_digits[byte >> 4U]);
    out.push_back(hex_digits[byte & 0x0FU]);
}

void append_spelled(BytesView bytes, const KeyAlphabet& alphabet, Bytes& out) {
    if (alphabet.binary) {
        out.append(bytes);
        return;
    }
    for (const char byte : bytes) {
        if (is_plain(byte)) {
            out.push_back(byte);
        } else {
            out.push_back('%');
            append_hex(static_cast<unsigned char>(byte), out);
        }
    }
}

// Where the mark of a hashed form stands, given the spelled prefix.
std::size_t mark_position(BytesView spelled_prefix, const KeyAlphabet& alphabet) noexcept {
    const std::size_t room = alphabet.max_bytes - std::min(alphabet.max_bytes, hash_form_bytes);
    if (spelled_prefix.size() <= room) return spelled_prefix.size();
    std::size_t cut = room;
    if (!alphabet.binary) {
        // Not through the middle of a %XX.
        if (cut >= 1 && spelled_prefix[cut - 1] == '%')
            cut -= 1;
        else if (cut >= 2 && spelled_prefix[cut - 2] == '%')
            cut -= 2;
    }
    return cut;
}

// The prefix is part of the hash: shortened, it may no longer tell one cache from another.
void append_hash(BytesView prefix, BytesView key, Bytes& out) {
    const Hash128 hash = xxh3_128(key, xxh3_64(prefix, key_hash_seed));
    std::array<unsigned char, 16> bytes{};
    boost::endian::store_big_u64(bytes.data(), hash.high);
    boost::endian::store_big_u64(bytes.data() + 8, hash.low);
    out.append(hash_mark);
    for (const unsigned char byte : bytes)
        append_hex(byte, out);
}

int hex_value(char digit) noexcept {
    const std::size_t value = hex_digits.find(digit);
    return value == BytesView::npos ? -1 : static_cast<int>(value);
}

bool unescape(BytesView spelled, Bytes& out) {
    for (std::size_t i = 0; i < spelled.size(); ++i) {
        if (spelled[i] != '%') {
            out.push_back(spelled[i]);
            continue;
        }
        if (spelled.size() - i < 3) return false;
        const int high = hex_value(spelled[i + 1]);
        const int low = hex_value(spelled[i + 2]);
        if (high < 0 || low < 0) return false;
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return true;
}

} // namespace

Bytes backend_key(BytesView prefix, BytesView key, const KeyAlphabet& alphabet) {
    Bytes form;
    form.reserve(prefix.size() + key.size());
    append_spelled(prefix, alphabet, form);
    const std::size_t prefix_bytes = form.size();
    const bool limited = alphabet.max_bytes != 0;
    // Not worth spelling what must be hashed anyway.
    if (!limited || key.size() <= alphabet.max_bytes) {
        append_spelled(key, alphabet, form);
        if (!limited) return form;
        // A key that spells like a hashed form is hashed itself, so that only hashes have that look.
        const std::size_t mark = mark_position(BytesView(form).substr(0, prefix_bytes), alphabet);
        if (form.size() <= alphabet.max_bytes && BytesView(form).substr(mark, hash_mark.size()) != hash_mark)
            return form;
    }
    form.resize(mark_position(BytesView(form).substr(0, prefix_bytes), alphabet));
    append_hash(prefix, key, form);
    if (form.size() > alphabet.max_bytes) form.resize(alphabet.max_bytes);
    return form;
}

bool parse_backend_key(BytesView stored, BytesView prefix, const KeyAlphabet& alphabet, Bytes& key) {
    Bytes spelled_prefix;
    append_spelled(prefix, alphabet, spelled_prefix);
    if (!stored.starts_with(spelled_prefix)) return false;
    const BytesView spelled_key = stored.substr(spelled_prefix.size());
    Bytes parsed;
    if (alphabet.binary) {
        parsed = spelled_key;
    } else if (!unescape(spelled_key, parsed)) {
        return false;
    }
    // One key has one form: anything that would not be written so is not ours.
    if (backend_key(prefix, parsed, alphabet) != stored) return false;
    key = std::move(parsed);
    return true;
}

} // namespace tiercel::wire
