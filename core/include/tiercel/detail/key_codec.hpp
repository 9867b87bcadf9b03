#pragma once

#include <tiercel/detail/codec_values.hpp>

#include <charconv>
#include <string>

namespace tiercel {

/// Turns keys into the bytes they have in a backend, which people read in its own tools: a string as it is, an integer
/// (bool and characters included) and an enum as a decimal number, anything else as its Codec's bytes. Specialise it
/// for keys that should read otherwise. Keys that compare equal must have equal bytes: not so for 0.0 and -0.0.
template <class K>
struct KeyCodec;

/// K can be a key outside the process.
template <class K>
concept EncodableKey = requires(const K& key, Bytes& out, BytesView bytes) {
    { KeyCodec<K>::encode(key, out) } -> std::same_as<Result<void>>;
    { KeyCodec<K>::decode(bytes) } -> std::same_as<Result<K>>;
};

namespace detail {

/// Only the form that put_decimal writes is taken: no sign but a minus, no leading zeros.
template <class N>
void put_decimal(N number, Bytes& out) {
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    out.append(text.data(), end);
}

template <class N>
Result<N> read_decimal(BytesView text) {
    N number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    Bytes same;
    put_decimal(number, same);
    if (error != std::errc() || same != text) return malformed("a key that is not a number, or out of its range");
    return number;
}

/// What a number is written through: to_chars does not take bool and the wide characters.
template <class N>
using Decimal = std::conditional_t<std::is_signed_v<N>, std::int64_t, std::uint64_t>;

} // namespace detail

template <class K>
requires(Encodable<K> && !std::integral<K> && !std::is_enum_v<K>) struct KeyCodec<K> {
    static Result<void> encode(const K& key, Bytes& out) { return Codec<K>::encode(key, out); }
    static Result<K> decode(BytesView bytes) { return Codec<K>::decode(bytes); }
};

template <std::integral K>
requires detail::PortableNumber<K>
struct KeyCodec<K> {
    using Decimal = detail::Decimal<K>;
    static Result<void> encode(K key, Bytes& out) {
        detail::put_decimal(static_cast<Decimal>(key), out);
        return {};
    }
    static Result<K> decode(BytesView bytes) {
        const Result<Decimal> number = detail::read_decimal<Decimal>(bytes);
        if (!number) return number.error();
        const K key = static_cast<K>(*number);
        if (static_cast<Decimal>(key) != *number) return detail::malformed("a number out of the key's range");
        return key;
    }
};

template <detail::OpenEnum K>
struct KeyCodec<K> {
    using Number = std::underlying_type_t<K>;
    static Result<void> encode(K key, Bytes& out) { return KeyCodec<Number>::encode(static_cast<Number>(key), out); }
    static Result<K> decode(BytesView bytes) {
        const Result<Number> number = KeyCodec<Number>::decode(bytes);
        if (!number) return number.error();
        return static_cast<K>(*number);
    }
};

} // namespace tiercel
