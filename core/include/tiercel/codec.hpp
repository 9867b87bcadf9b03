#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <concepts>
#include <cstdint>

namespace tiercel {

/// Turns values of T into bytes and back. Specialise it for your own types:
///
///     template <>
///     struct tiercel::Codec<Invoice> {
///         static constexpr std::uint8_t id = 128;              // 128 to 255 are yours
///         static std::uint32_t schema() noexcept { return 3; } // change it when the bytes change their meaning
///         static Result<void> encode(const Invoice& value, Bytes& out); // appends
///         static Result<Invoice> decode(BytesView bytes);               // untrusted; all of it, or an error
///     };
template <class T, class Enable = void>
struct Codec;

/// T has a Codec, so that it can leave the process.
template <class T>
concept Encodable = requires(const T& value, Bytes& out, BytesView bytes) {
    { Codec<T>::id } -> std::convertible_to<std::uint8_t>;
    { Codec<T>::schema() } -> std::convertible_to<std::uint32_t>;
    { Codec<T>::encode(value, out) } -> std::same_as<Result<void>>;
    { Codec<T>::decode(bytes) } -> std::same_as<Result<T>>;
};

} // namespace tiercel
