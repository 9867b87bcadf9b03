// Keys listed from a backend may be anybody's: each parses to one key that is written so again, or not at all. And any
// bytes as a key come out in a form that the backend carries, and back.

#include "fuzz_target.hpp"

#include "wire/key_encoding.hpp"

#include <tiercel/codec.hpp>

#include <algorithm>
#include <array>

namespace {

using namespace tiercel;

constexpr std::array<wire::KeyAlphabet, 4> alphabets{{{0, true}, {250, false}, {60, true}, {40, false}}};

void parse_is_sound(BytesView stored, BytesView prefix, const wire::KeyAlphabet& alphabet) {
    Bytes key;
    if (!wire::parse_backend_key(stored, prefix, alphabet, key)) return;
    fuzz::require(wire::backend_key(prefix, key, alphabet) == stored);
}

void form_is_carried(BytesView key, BytesView prefix, const wire::KeyAlphabet& alphabet) {
    const Bytes form = wire::backend_key(prefix, key, alphabet);
    fuzz::require(alphabet.max_bytes == 0 || form.size() <= alphabet.max_bytes);
    fuzz::require(alphabet.binary ||
                  std::all_of(form.begin(), form.end(), [](char c) { return c > 0x20 && c < 0x7f; }));
    Bytes back;
    if (wire::parse_backend_key(form, prefix, alphabet, back)) fuzz::require(back == key);
}

template <class K>
void decimal_is_sound(BytesView bytes) {
    const Result<K> key = KeyCodec<K>::decode(bytes);
    if (!key) return;
    Bytes again;
    fuzz::require(KeyCodec<K>::encode(*key, again).has_value() && again == bytes);
}

} // namespace

// The first byte chooses the alphabet and how many of the following bytes are the prefix.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const BytesView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const wire::KeyAlphabet& alphabet = alphabets[data[0] % alphabets.size()];
    const BytesView prefix = bytes.substr(0, data[0] / alphabets.size());
    const BytesView rest = bytes.substr(prefix.size());
    parse_is_sound(rest, prefix, alphabet);
    parse_is_sound(bytes, prefix, alphabet);
    form_is_carried(rest, prefix, alphabet);
    decimal_is_sound<std::int64_t>(rest);
    decimal_is_sound<std::uint8_t>(rest);
    return 0;
}
