#pragma once

#include <tiercel/spi/codec.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace tiercel::detail {

/// A 32-bit FNV-1a over what a type's encoding is made of: stable across compilers, machines and runs.
class SchemaHash {
public:
    constexpr explicit SchemaHash(std::string_view kind) noexcept { add(kind); }

    constexpr SchemaHash& add(std::string_view text) noexcept {
        for (const char c : text)
            add_byte(static_cast<unsigned char>(c));
        add_byte(0);
        return *this;
    }

    constexpr SchemaHash& add(std::uint64_t number) noexcept {
        for (int i = 0; i < 8; ++i)
            add_byte(static_cast<unsigned char>(number >> (8 * i)));
        return *this;
    }

    /// The codec and schema of a part.
    template <class T>
    constexpr SchemaHash& add_type() noexcept {
        return add(std::uint64_t{Codec<T>::id}).add(std::uint64_t{Codec<T>::schema()});
    }

    constexpr std::uint32_t value() const noexcept { return hash_; }

private:
    constexpr void add_byte(unsigned char byte) noexcept { hash_ = (hash_ ^ byte) * 16777619U; }
    std::uint32_t hash_ = 2166136261U;
};

/// Bytes that every value of T encodes to; 0: it varies, and a field of it is preceded by its length.
template <class T>
constexpr std::size_t fixed_bytes() noexcept {
    if constexpr (requires { Codec<T>::fixed_bytes; }) {
        return Codec<T>::fixed_bytes;
    } else {
        return 0;
    }
}

/// The least that a field of T takes.
template <class T>
constexpr std::size_t least_field_bytes() noexcept {
    return std::max<std::size_t>(fixed_bytes<T>(), 1);
}

/// Bytes of fields of all Ts if every one is fixed; 0 otherwise, or if there are none.
template <class... Ts>
constexpr std::size_t fixed_bytes_together() noexcept {
    return ((fixed_bytes<Ts>() != 0) && ...) ? (std::size_t{0} + ... + fixed_bytes<Ts>()) : 0;
}

/// Little-endian base 128, shortest form only.
void put_varint(std::uint64_t number, Bytes& out);

/// Puts the length of what stands from `start` on in front of it.
void put_length_before(std::size_t start, Bytes& out);

/// What decode returns for bytes that are no value of its type.
Error malformed(std::string_view what);
Error wrong_fixed_size(std::size_t declared, std::size_t encoded);

/// Reads fields from untrusted bytes. The first failure stays; after it every read fails.
class FieldReader {
public:
    explicit FieldReader(BytesView bytes) noexcept : rest_(bytes) {}

    std::size_t remaining() const noexcept { return rest_.size(); }

    /// False, and failed, if there are not that many bytes.
    bool take(std::uint64_t bytes, BytesView& out);

    /// A varint in its shortest form.
    bool varint(std::uint64_t& out);

    /// A number of entries each of which takes at least `least_bytes` of what remains.
    bool count(std::size_t least_bytes, std::size_t& out);

    /// A field's bytes: `fixed` of them, or as many as the length before them says if `fixed` is 0.
    bool field(std::size_t fixed, BytesView& out);

    /// Whether all is read and nothing failed; bytes left over are a failure.
    bool finish();

    bool fail(Error error);
    /// After a failed read only.
    Error error() && { return std::move(*error_); }

private:
    BytesView rest_;
    std::optional<Error> error_;
};

template <Encodable T>
Result<void> put_field(const T& value, Bytes& out) {
    const std::size_t start = out.size();
    Result<void> encoded = Codec<T>::encode(value, out);
    if (!encoded) return encoded;
    if constexpr (fixed_bytes<T>() != 0) {
        if (out.size() - start != fixed_bytes<T>()) return wrong_fixed_size(fixed_bytes<T>(), out.size() - start);
    } else {
        put_length_before(start, out);
    }
    return {};
}

template <Encodable T>
bool read_field(FieldReader& in, std::optional<T>& out) {
    BytesView bytes;
    if (!in.field(fixed_bytes<T>(), bytes)) return false;
    Result<T> value = Codec<T>::decode(bytes);
    if (!value) return in.fail(std::move(value).error());
    out.emplace(std::move(*value));
    return true;
}

/// How many entries to make room for: never more memory than the bytes at hand, since a count is only a claim.
template <class Entry>
std::size_t room_for(std::size_t count, const FieldReader& in) noexcept {
    return std::min(count, in.remaining() / sizeof(Entry) + 1);
}

} // namespace tiercel::detail
