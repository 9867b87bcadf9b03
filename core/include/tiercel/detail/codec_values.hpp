#pragma once

#include <tiercel/detail/codec_fields.hpp>

#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

/// The codecs of single values: bytes, numbers, enums, raw memory.
namespace tiercel {

namespace detail {

template <class T>
concept ByteVectorElement = std::same_as<T, std::byte> || std::same_as<T, unsigned char>;

/// Numbers whose form is the same everywhere: not long double, not 128-bit integers.
template <class T>
concept PortableNumber =
    std::same_as<T, std::remove_cv_t<T>> && std::is_arithmetic_v<T> && !std::same_as<T, long double> && sizeof(T) <= 8;

/// Enums into which any value of the underlying type may be converted: scoped ones, and those that name their type.
template <class E>
concept OpenEnum = std::is_enum_v<E> && PortableNumber<std::underlying_type_t<E>> &&
    requires(std::underlying_type_t<E> number) {
    E{number};
};

template <PortableNumber T>
constexpr std::uint32_t number_schema() noexcept {
    std::string_view kind = std::is_signed_v<T> ? "signed" : "unsigned";
    // Whether char is signed differs between machines; its bytes do not.
    if (std::same_as<T, char>) kind = "char";
    if (std::same_as<T, bool>) kind = "bool";
    if (std::is_floating_point_v<T>) kind = "float";
    return SchemaHash(kind).add(sizeof(T)).value();
}

} // namespace detail

/// Strings and byte vectors are their own encoding, and may be read as each other.
template <>
struct Codec<std::string> {
    static constexpr std::uint8_t id = static_cast<std::uint8_t>(CodecId::bytes);
    static constexpr std::uint32_t schema() noexcept { return 0; }
    static Result<void> encode(const std::string& value, Bytes& out) {
        out.append(value);
        return {};
    }
    static Result<std::string> decode(BytesView bytes) { return std::string(bytes); }
};

template <detail::ByteVectorElement B>
struct Codec<std::vector<B>> {
    static constexpr std::uint8_t id = static_cast<std::uint8_t>(CodecId::bytes);
    static constexpr std::uint32_t schema() noexcept { return 0; }
    static Result<void> encode(const std::vector<B>& value, Bytes& out) {
        out.append(reinterpret_cast<const char*>(value.data()), value.size());
        return {};
    }
    static Result<std::vector<B>> decode(BytesView bytes) {
        const auto* begin = reinterpret_cast<const B*>(bytes.data());
        return std::vector<B>(begin, begin + bytes.size());
    }
};

/// Little-endian, as many bytes as T has; bool is one byte, 0 or 1.
template <detail::PortableNumber T>
struct Codec<T> {
    static constexpr std::uint8_t id = static_cast<std::uint8_t>(CodecId::arithmetic);
    static constexpr std::size_t fixed_bytes = sizeof(T);
    static constexpr std::uint32_t schema() noexcept { return detail::number_schema<T>(); }

    static Result<void> encode(T value, Bytes& out) {
        auto raw = std::bit_cast<std::array<char, sizeof(T)>>(value);
        if constexpr (std::endian::native == std::endian::big) std::reverse(raw.begin(), raw.end());
        out.append(raw.data(), raw.size());
        return {};
    }

    static Result<T> decode(BytesView bytes) {
        if (bytes.size() != sizeof(T)) return detail::malformed("a number of another size");
        std::array<char, sizeof(T)> raw{};
        std::memcpy(raw.data(), bytes.data(), sizeof(T));
        if constexpr (std::same_as<T, bool>) {
            if (raw[0] != 0 && raw[0] != 1) return detail::malformed("a bool that is neither 0 nor 1");
        }
        if constexpr (std::endian::native == std::endian::big) std::reverse(raw.begin(), raw.end());
        return std::bit_cast<T>(raw);
    }
};

/// As the underlying number. Values without an enumerator pass: the type allows them.
template <detail::OpenEnum E>
requires(!enable_raw_bytes<E>) struct Codec<E> {
    using Number = std::underlying_type_t<E>;
    static constexpr std::uint8_t id = static_cast<std::uint8_t>(CodecId::arithmetic);
    static constexpr std::size_t fixed_bytes = sizeof(E);
    static constexpr std::uint32_t schema() noexcept {
        return detail::SchemaHash("enum").add(detail::number_schema<Number>()).value();
    }
    static Result<void> encode(E value, Bytes& out) { return Codec<Number>::encode(static_cast<Number>(value), out); }
    static Result<E> decode(BytesView bytes) {
        const Result<Number> number = Codec<Number>::decode(bytes);
        if (!number) return number.error();
        return static_cast<E>(*number);
    }
};

template <class T>
requires(enable_raw_bytes<T>&& std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>) struct Codec<T> {
    static constexpr std::uint8_t id = static_cast<std::uint8_t>(CodecId::raw);
    static constexpr std::size_t fixed_bytes = sizeof(T);
    static constexpr std::uint32_t schema() noexcept {
        return detail::SchemaHash(std::endian::native == std::endian::little ? "raw little" : "raw big")
            .add(sizeof(T))
            .add(raw_bytes_schema<T>)
            .value();
    }
    static Result<void> encode(const T& value, Bytes& out) {
        out.append(reinterpret_cast<const char*>(&value), sizeof(T));
        return {};
    }
    static Result<T> decode(BytesView bytes) {
        if (bytes.size() != sizeof(T)) return detail::malformed("a raw value of another size");
        std::array<char, sizeof(T)> raw{};
        std::memcpy(raw.data(), bytes.data(), sizeof(T));
        return std::bit_cast<T>(raw);
    }
};

} // namespace tiercel
