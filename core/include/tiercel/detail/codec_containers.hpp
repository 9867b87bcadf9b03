#pragma once

#include <tiercel/detail/codec_values.hpp>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <ratio>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

/// The codecs of values made of other values; the bytes of each are in core/src/wire/README.md.
namespace tiercel {

namespace detail {

inline constexpr std::uint8_t container_id = static_cast<std::uint8_t>(CodecId::container);

/// Elements whose encoding is their memory, so that runs of them are copied whole.
template <class T>
concept MemoryIsEncoding = PortableNumber<T> && !std::same_as<T, bool> && std::endian::native == std::endian::little;

template <class T>
void put_run(const T* first, std::size_t count, Bytes& out) {
    out.append(reinterpret_cast<const char*>(first), count * sizeof(T));
}

template <class T>
bool read_run(FieldReader& in, T* first, std::size_t count) {
    BytesView bytes;
    if (!in.take(std::uint64_t{count} * sizeof(T), bytes)) return false;
    if (count != 0) std::memcpy(first, bytes.data(), bytes.size());
    return true;
}

/// An entry of a map or set, and how it is written.
template <Encodable K>
struct SetEntry {
    using Stored = K;
    static constexpr std::size_t least_bytes = least_field_bytes<K>();
    static Result<void> put(const K& key, Bytes& out) { return put_field(key, out); }
    /// The key as it stands in the container; null, and `in` failed, if there is none to read.
    template <class Set>
    static const K* read(FieldReader& in, Set& into) {
        std::optional<K> key;
        if (!read_field(in, key)) return nullptr;
        return &*into.emplace_hint(into.end(), std::move(*key));
    }
};

template <Encodable K, Encodable V>
struct MapEntry {
    using Stored = std::pair<const K, V>;
    static constexpr std::size_t least_bytes = least_field_bytes<K>() + least_field_bytes<V>();
    static Result<void> put(const Stored& entry, Bytes& out) {
        Result<void> key = put_field(entry.first, out);
        return key ? put_field(entry.second, out) : key;
    }
    /// As SetEntry's.
    template <class Map>
    static const K* read(FieldReader& in, Map& into) {
        std::optional<K> key;
        std::optional<V> value;
        if (!read_field(in, key) || !read_field(in, value)) return nullptr;
        return &into.emplace_hint(into.end(), std::move(*key), std::move(*value))->first;
    }
};

/// A count, then the entries. Ordered containers in their order, unordered ones by the entries' bytes: equal values
/// have equal bytes. A key that stands twice is an error.
template <class Container, class Entry>
struct UniqueEntriesCodec {
    static constexpr std::uint8_t id = container_id;
    static constexpr bool hashed = requires(Container & c) { c.bucket_count(); };

    /// An encoding is read back into at most this many entries a bucket: bytes made to collide must not cost quadratic
    /// time. No usable hash function comes near it.
    static constexpr std::size_t max_bucket_entries = 128;

    static Result<void> encode(const Container& value, Bytes& out) {
        put_varint(value.size(), out);
        if constexpr (hashed) {
            std::vector<Bytes> entries;
            entries.reserve(value.size());
            for (const auto& entry : value) {
                if (Result<void> put = Entry::put(entry, entries.emplace_back()); !put) return put;
            }
            std::sort(entries.begin(), entries.end());
            for (const Bytes& entry : entries)
                out.append(entry);
        } else {
            for (const auto& entry : value) {
                if (Result<void> put = Entry::put(entry, out); !put) return put;
            }
        }
        return {};
    }

    static Result<Container> decode(BytesView bytes) {
        FieldReader in(bytes);
        std::size_t count = 0;
        Container value;
        if (in.count(Entry::least_bytes, count)) {
            if constexpr (hashed) value.reserve(room_for<typename Entry::Stored>(count, in));
            while (value.size() < count && read_entry(in, value)) {
            }
        }
        if (!in.finish()) return std::move(in).error();
        return value;
    }

private:
    static bool read_entry(FieldReader& in, Container& into) {
        const std::size_t before = into.size();
        const auto* key = Entry::read(in, into);
        if (key == nullptr) return false;
        if (into.size() == before) return in.fail(malformed("a key that stands twice"));
        if constexpr (hashed) {
            if (into.bucket_size(into.bucket(*key)) > max_bucket_entries) {
                return in.fail(malformed("keys that collide"));
            }
        }
        return true;
    }
};

template <std::uint64_t Parts, class... Ts>
constexpr std::uint32_t product_schema(std::string_view kind) noexcept {
    SchemaHash hash(kind);
    hash.add(Parts);
    (hash.add_type<Ts>(), ...);
    return hash.value();
}

/// Reads a field into each of `parts`, in order.
template <class... Ts>
bool read_fields(FieldReader& in, std::optional<Ts>&... parts) {
    return (read_field(in, parts) && ...);
}

/// Writes each of `parts`, in order, up to the first that fails.
template <class... Ts>
Result<void> put_fields(Bytes& out, const Ts&... parts) {
    Result<void> done;
    static_cast<void>(((done = put_field(parts, out), done.has_value()) && ...));
    return done;
}

} // namespace detail

/// 0, or 1 and the value.
template <Encodable T>
struct Codec<std::optional<T>> {
    static constexpr std::uint8_t id = detail::container_id;
    static constexpr std::uint32_t schema() noexcept { return detail::product_schema<1, T>("optional"); }

    static Result<void> encode(const std::optional<T>& value, Bytes& out) {
        out.push_back(value ? '\1' : '\0');
        if (!value) return {};
        return Codec<T>::encode(*value, out);
    }

    static Result<std::optional<T>> decode(BytesView bytes) {
        if (bytes == BytesView("\0", 1)) return std::optional<T>();
        if (!bytes.starts_with('\1')) return detail::malformed("an optional that is neither empty nor full");
        Result<T> value = Codec<T>::decode(bytes.substr(1));
        if (!value) return std::move(value).error();
        return std::optional<T>(std::move(*value));
    }
};

/// A count, then the elements.
template <Encodable T, class Allocator>
requires(!detail::ByteVectorElement<T>) struct Codec<std::vector<T, Allocator>> {
    using Vector = std::vector<T, Allocator>;
    static constexpr std::uint8_t id = detail::container_id;
    static constexpr std::uint32_t schema() noexcept { return detail::product_schema<1, T>("vector"); }

    static Result<void> encode(const Vector& value, Bytes& out) {
        detail::put_varint(value.size(), out);
        if constexpr (detail::MemoryIsEncoding<T>) {
            detail::put_run(value.data(), value.size(), out);
        } else {
            for (const T& element : value) {
                if (Result<void> put = detail::put_field(element, out); !put) return put;
            }
        }
        return {};
    }

    static Result<Vector> decode(BytesView bytes) {
        detail::FieldReader in(bytes);
        std::size_t count = 0;
        Vector value;
        if (in.count(detail::least_field_bytes<T>(), count)) {
            if constexpr (detail::MemoryIsEncoding<T>) {
                value.resize(count);
                detail::read_run(in, value.data(), count);
            } else {
                value.reserve(detail::room_for<T>(count, in));
                std::optional<T> element;
                for (std::size_t i = 0; i < count && detail::read_field(in, element); ++i) {
                    value.push_back(std::move(*element));
                }
            }
        }
        if (!in.finish()) return std::move(in).error();
        return value;
    }
};

/// The elements.
template <Encodable T, std::size_t N>
requires(N > 0 && std::default_initializable<T>) struct Codec<std::array<T, N>> {
    static constexpr std::uint8_t id = detail::container_id;
    static constexpr std::size_t fixed_bytes = detail::fixed_bytes<T>() * N;
    static constexpr std::uint32_t schema() noexcept { return detail::product_schema<N, T>("array"); }

    static Result<void> encode(const std::array<T, N>& value, Bytes& out) {
        if constexpr (detail::MemoryIsEncoding<T>) {
            detail::put_run(value.data(), N, out);
        } else {
            for (const T& element : value) {
                if (Result<void> put = detail::put_field(element, out); !put) return put;
            }
        }
        return {};
    }

    static Result<std::array<T, N>> decode(BytesView bytes) {
        detail::FieldReader in(bytes);
        std::array<T, N> value{};
        if constexpr (detail::MemoryIsEncoding<T>) {
            detail::read_run(in, value.data(), N);
        } else {
            std::optional<T> part;
            for (T& element : value) {
                if (!detail::read_field(in, part)) break;
                element = std::move(*part);
            }
        }
        if (!in.finish()) return std::move(in).error();
        return value;
    }
};

/// The parts. The same bytes and schema as a tuple of two.
template <Encodable A, Encodable B>
struct Codec<std::pair<A, B>> {
    static constexpr std::uint8_t id = detail::container_id;
    static constexpr std::size_t fixed_bytes = detail::fixed_bytes_together<A, B>();
    static constexpr std::uint32_t schema() noexcept { return detail::product_schema<2, A, B>("tuple"); }

    static Result<void> encode(const std::pair<A, B>& value, Bytes& out) {
        return detail::put_fields(out, value.first, value.second);
    }

    static Result<std::pair<A, B>> decode(BytesView bytes) {
        detail::FieldReader in(bytes);
        std::optional<A> first;
        std::optional<B> second;
        if (!detail::read_fields(in, first, second) || !in.finish()) return std::move(in).error();
        return std::pair<A, B>(std::move(*first), std::move(*second));
    }
};

/// The parts.
template <Encodable... Ts>
struct Codec<std::tuple<Ts...>> {
    static constexpr std::uint8_t id = detail::container_id;
    static constexpr std::size_t fixed_bytes = detail::fixed_bytes_together<Ts...>();
    static constexpr std::uint32_t schema() noexcept { return detail::product_schema<sizeof...(Ts), Ts...>("tuple"); }

    static Result<void> encode(const std::tuple<Ts...>& value, Bytes& out) {
        return std::apply([&](const Ts&... parts) { return detail::put_fields(out, parts...); }, value);
    }

    static Result<std::tuple<Ts...>> decode(BytesView bytes) {
        detail::FieldReader in(bytes);
        std::tuple<std::optional<Ts>...> parts;
        const bool read = std::apply([&](auto&... part) { return detail::read_fields(in, part...); }, parts);
        if (!read || !in.finish()) return std::move(in).error();
        return std::apply([](auto&... part) { return std::tuple<Ts...>(std::move(*part)...); }, parts);
    }
};

template <Encodable K, Encodable V, class Compare, class Allocator>
struct Codec<std::map<K, V, Compare, Allocator>>
    : detail::UniqueEntriesCodec<std::map<K, V, Compare, Allocator>, detail::MapEntry<K, V>> {
    static constexpr std::uint32_t schema() noexcept { return detail::product_schema<2, K, V>("map"); }
};

template <Encodable K, Encodable V, class Hash, class Equal, class Allocator>
struct Codec<std::unordered_map<K, V, Hash, Equal, Allocator>>
    : detail::UniqueEntriesCodec<std::unordered_map<K, V, Hash, Equal, Allocator>, detail::MapEntry<K, V>> {
    static constexpr std::uint32_t schema() noexcept { return detail::product_schema<2, K, V>("map"); }
};

template <Encodable K, class Compare, class Allocator>
struct Codec<std::set<K, Compare, Allocator>>
    : detail::UniqueEntriesCodec<std::set<K, Compare, Allocator>, detail::SetEntry<K>> {
    static constexpr std::uint32_t schema() noexcept { return detail::product_schema<1, K>("set"); }
};

template <Encodable K, class Hash, class Equal, class Allocator>
struct Codec<std::unordered_set<K, Hash, Equal, Allocator>>
    : detail::UniqueEntriesCodec<std::unordered_set<K, Hash, Equal, Allocator>, detail::SetEntry<K>> {
    static constexpr std::uint32_t schema() noexcept { return detail::product_schema<1, K>("set"); }
};

/// The number of ticks; the tick is part of the schema.
template <detail::PortableNumber Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>> {
    using Duration = std::chrono::duration<Rep, Period>;
    static constexpr std::uint8_t id = static_cast<std::uint8_t>(CodecId::arithmetic);
    static constexpr std::size_t fixed_bytes = sizeof(Rep);
    static constexpr std::uint32_t schema() noexcept {
        return detail::SchemaHash("duration")
            .add_type<Rep>()
            .add(static_cast<std::uint64_t>(Period::num))
            .add(static_cast<std::uint64_t>(Period::den))
            .value();
    }
    static Result<void> encode(Duration value, Bytes& out) { return Codec<Rep>::encode(value.count(), out); }
    static Result<Duration> decode(BytesView bytes) {
        const Result<Rep> ticks = Codec<Rep>::decode(bytes);
        if (!ticks) return ticks.error();
        return Duration(*ticks);
    }
};

/// Ticks since 1970. Times of other clocks have no codec: a steady clock's say nothing in another process.
template <Encodable Duration>
struct Codec<std::chrono::sys_time<Duration>> {
    using Time = std::chrono::sys_time<Duration>;
    static constexpr std::uint8_t id = static_cast<std::uint8_t>(CodecId::arithmetic);
    static constexpr std::size_t fixed_bytes = detail::fixed_bytes<Duration>();
    static constexpr std::uint32_t schema() noexcept {
        return detail::SchemaHash("sys_time").add_type<Duration>().value();
    }
    static Result<void> encode(Time value, Bytes& out) {
        return Codec<Duration>::encode(value.time_since_epoch(), out);
    }
    static Result<Time> decode(BytesView bytes) {
        const Result<Duration> since_epoch = Codec<Duration>::decode(bytes);
        if (!since_epoch) return since_epoch.error();
        return Time(*since_epoch);
    }
};

} // namespace tiercel
