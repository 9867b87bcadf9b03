#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace tiercel {

/// Turns values of T into bytes and back. Strings, vectors of bytes, numbers, enums, optionals, containers, pairs,
/// tuples and times have one here; Boost.Describe'd structs have one in <tiercel/described.hpp>; trivially copyable
/// types opt in through enable_raw_bytes. Specialise it for your own, before its first use:
///
///     template <>
///     struct tiercel::Codec<Invoice> {
///         static constexpr std::uint8_t id = 128;              // 128 to 255 are yours
///         static std::uint32_t schema() noexcept { return 3; } // change it when the bytes change their meaning
///         static Result<void> encode(const Invoice& value, Bytes& out); // appends
///         static Result<Invoice> decode(BytesView bytes);               // untrusted; all of it, or an error
///     };
///
/// A specialisation for a family of types constrains its parameter:
/// `template <std::derived_from<google::protobuf::Message> M> struct tiercel::Codec<M> {...};`
///
/// A codec whose every value takes the same number of bytes may say so, and saves its length inside containers:
/// `static constexpr std::size_t fixed_bytes = 12;`
template <class T>
struct Codec;

/// T has a Codec, so that it can leave the process.
template <class T>
concept Encodable = requires(const T& value, Bytes& out, BytesView bytes) {
    { Codec<T>::id } -> std::convertible_to<std::uint8_t>;
    { Codec<T>::schema() } -> std::convertible_to<std::uint32_t>;
    { Codec<T>::encode(value, out) } -> std::same_as<Result<void>>;
    { Codec<T>::decode(bytes) } -> std::same_as<Result<T>>;
};

/// The codec ids in the envelope that are ours.
enum class CodecId : std::uint8_t { bytes = 1, arithmetic = 2, raw = 3, container = 4, described = 5 };

/// Says that the memory of a trivially copyable T is its encoding:
///
///     template <>
///     inline constexpr bool tiercel::enable_raw_bytes<Candle> = true;
///     template <>
///     inline constexpr std::uint32_t tiercel::raw_bytes_schema<Candle> = 1; // change it when the meaning changes
///
/// What T then promises: it holds no pointers, every bit pattern is a valid T (no bool and no enum without a fixed
/// underlying type), and its padding, which is written too, holds no secrets. Values do not cross between machines of
/// different byte order, where they are misses. A Boost.Describe'd struct promises none of this.
template <class T>
inline constexpr bool enable_raw_bytes = false;

/// The user's number for the meaning of T's raw bytes; sizeof(T) and the byte order are added to it.
template <class T>
inline constexpr std::uint32_t raw_bytes_schema = 0;

} // namespace tiercel
