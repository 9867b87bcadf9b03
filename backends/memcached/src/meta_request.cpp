#include "meta_request.hpp"

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace tiercel::memcached {

namespace {

/// More than a request has beside key and value.
constexpr std::size_t overhead_bytes = 96;

template <class Number>
void append_number(Bytes& out, Number number) {
    char digits[24];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    out.append(digits, end);
}

void append_base64(Bytes& out, BytesView bytes) {
    namespace iterators = boost::archive::iterators;
    using Encoder = iterators::base64_from_binary<iterators::transform_width<const char*, 6, 8>>;
    out.append(Encoder(bytes.data()), Encoder(bytes.data() + bytes.size()));
    out.append((3 - bytes.size() % 3) % 3, '=');
}

std::string_view command(Operation::Kind kind) noexcept {
    switch (kind) {
    case Operation::Kind::get:
    case Operation::Kind::touch:
        return "mg ";
    case Operation::Kind::erase:
        return "md ";
    default:
        return "ms ";
    }
}

bool stores(Operation::Kind kind) noexcept {
    return kind == Operation::Kind::set || kind == Operation::Kind::add || kind == Operation::Kind::cas;
}

} // namespace

bool is_plain_key(BytesView key) noexcept {
    return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_possible_key(BytesView key) noexcept {
    return !key.empty() && (key.size() <= max_binary_key_bytes || (key.size() <= max_key_bytes && is_plain_key(key)));
}

void append_request(Bytes& out, const Operation& operation, std::time_t expiration, std::uint32_t tag) {
    const bool plain = is_plain_key(operation.key);
    out += command(operation.kind);
    if (plain) {
        out += operation.key;
    } else {
        append_base64(out, operation.key);
    }
    if (stores(operation.kind)) {
        out += ' ';
        append_number(out, operation.value.size());
    }
    if (!plain) out += " b";
    switch (operation.kind) {
    case Operation::Kind::get:
        out += " v c t";
        break;
    case Operation::Kind::erase:
        break;
    case Operation::Kind::cas:
        out += " C";
        append_number(out, operation.version);
        [[fallthrough]];
    default:
        if (operation.kind == Operation::Kind::add) out += " ME";
        out += " T";
        append_number(out, expiration);
    }
    out += " O";
    append_number(out, tag);
    out += "\r\n";
    if (stores(operation.kind)) {
        out += operation.value;
        out += "\r\n";
    }
}

std::size_t request_bytes(const Operation& operation) noexcept {
    return operation.key.size() * 4 / 3 + operation.value.size() + overhead_bytes;
}

} // namespace tiercel::memcached
