#pragma once

#include <tiercel/codec.hpp>
#include <tiercel/detail/engine.hpp>
#include <tiercel/detail/typed_entry.hpp>
#include <tiercel/handle.hpp>
#include <tiercel/hash.hpp>
#include <tiercel/options.hpp>

#include <concepts>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace tiercel::detail {

/// A source of keys that its owner can take back: afterwards it has no more.
/// Thread safety: all members may be called concurrently; close() waits for a next() under way.
class KeyGate {
public:
    explicit KeyGate(KeySource keys) : keys_(std::move(keys)) {}

    EntryPtr next() {
        const std::lock_guard lock(mutex_);
        return keys_ ? keys_() : nullptr;
    }
    void close() {
        const std::lock_guard lock(mutex_);
        keys_ = nullptr;
    }

    /// Closes the gate at the end of a scope.
    class Closing {
    public:
        explicit Closing(KeyGate& gate) : gate_(gate) {}
        Closing(const Closing&) = delete;
        Closing& operator=(const Closing&) = delete;
        ~Closing() { gate_.close(); }

    private:
        KeyGate& gate_;
    };

private:
    std::mutex mutex_;
    KeySource keys_;
};

/// Everything of Cache<K, V> that depends on K and V: makes entries, and tells the engine how to handle them.
template <class K, class V>
struct CacheTypes {
    using E = TypedEntry<K, V>;

    template <class Key>
    static boost::intrusive_ptr<E> blank(Key&& key) {
        const auto hash = hash_of<K>(key);
        return boost::intrusive_ptr<E>(new E(hash, std::forward<Key>(key)));
    }

    static std::vector<EntryPtr> probes_of(K key) {
        std::vector<EntryPtr> probes;
        probes.emplace_back(blank(std::move(key)));
        return probes;
    }
    static std::vector<EntryPtr> probes_of(std::span<const K> keys) {
        std::vector<EntryPtr> probes;
        probes.reserve(keys.size());
        for (const auto& key : keys)
            probes.emplace_back(blank(key));
        return probes;
    }
    template <class Key>
    static boost::intrusive_ptr<E> entry_of(Key&& key, V value) {
        auto entry = blank(std::forward<Key>(key));
        entry->emplace(std::move(value));
        return entry;
    }
    static std::vector<EntryPtr> entries_of(K key, V value) {
        std::vector<EntryPtr> entries;
        entries.emplace_back(entry_of(std::move(key), std::move(value)));
        return entries;
    }
    static std::vector<EntryPtr> entries_of(std::vector<std::pair<K, V>> items) {
        std::vector<EntryPtr> entries;
        entries.reserve(items.size());
        for (auto& [key, value] : items)
            entries.emplace_back(entry_of(std::move(key), std::move(value)));
        return entries;
    }

    static Handle<V> handle_of(Answer answer) {
        return Handle<V>(std::move(answer.entry), answer.source, answer.stale);
    }

    static std::vector<Result<Handle<V>>> handles_of(Answers answers) {
        std::vector<Result<Handle<V>>> handles;
        handles.reserve(answers.size());
        for (auto& answer : answers) {
            if (answer) {
                handles.emplace_back(handle_of(*std::move(answer)));
            } else {
                handles.emplace_back(std::move(answer).error());
            }
        }
        return handles;
    }

    /// Pulls from a range that outlives the source.
    template <class Range>
    static std::pair<KeySource, std::optional<std::uint64_t>> key_source(Range& keys) {
        std::optional<std::uint64_t> total;
        if constexpr (std::ranges::sized_range<Range>) total = static_cast<std::uint64_t>(std::ranges::size(keys));
        auto at = std::make_shared<std::ranges::iterator_t<Range>>(std::ranges::begin(keys));
        auto next = [at, end = std::ranges::end(keys)]() -> EntryPtr {
            if (*at == end) return nullptr;
            EntryPtr entry = blank(static_cast<K>(**at));
            ++*at;
            return entry;
        };
        return {std::move(next), total};
    }

    template <class Generator>
    static KeySource key_source_from(Generator next) {
        return [next = std::make_shared<Generator>(std::move(next))]() -> EntryPtr {
            std::optional<K> key = (*next)();
            if (!key) return nullptr;
            return blank(*std::move(key));
        };
    }

    static KeySource key_source_of(std::vector<K> keys) {
        return [keys = std::make_shared<std::vector<K>>(std::move(keys)), i = std::size_t{0}]() mutable -> EntryPtr {
            if (i == keys->size()) return nullptr;
            return blank(std::move((*keys)[i++]));
        };
    }

    static TypeFunctions functions() {
        TypeFunctions types;
        types.key_equal = [](const void* a, const void* b) noexcept {
            return *static_cast<const K*>(a) == *static_cast<const K*>(b);
        };
        types.holds_key = [](const Entry& entry, const void* key) noexcept {
            return static_cast<const E&>(entry).typed_key() == *static_cast<const K*>(key);
        };
        types.blank_of = [](const Entry& entry) -> EntryPtr {
            return EntryPtr(new E(entry.hash, static_cast<const E&>(entry).typed_key()));
        };
        if constexpr (std::copy_constructible<V>) {
            types.copy_value = [](Entry& to, const Entry& from) {
                static_cast<E&>(to).emplace(*static_cast<const E&>(from).value());
            };
        }
        if constexpr (Encodable<V> && EncodableKey<K>) {
            types.encode_key = [](const Entry& entry, Bytes& out) {
                return KeyCodec<K>::encode(static_cast<const E&>(entry).typed_key(), out);
            };
            types.decode_key = [](BytesView bytes) -> EntryPtr {
                auto key = KeyCodec<K>::decode(bytes);
                return key ? EntryPtr(blank(*std::move(key))) : nullptr;
            };
            types.encode_value = [](const Entry& entry, Bytes& out) {
                return Codec<V>::encode(*static_cast<const E&>(entry).value(), out);
            };
            types.decode_value = [](Entry& entry, BytesView bytes) -> Result<void> {
                Result<V> value = Codec<V>::decode(bytes);
                if (!value) return value.error();
                static_cast<E&>(entry).emplace(*std::move(value));
                return {};
            };
            types.codec = Codec<V>::id;
            types.schema = Codec<V>::schema();
        }
        return types;
    }

    static EngineOptions engine_options(CacheOptions<K, V> options) {
        EngineOptions engine;
        engine.name = std::move(options.name);
        engine.max_entries = options.memory.max_entries;
        engine.max_weight = options.memory.max_weight;
        if (options.memory.weigher) {
            engine.weigher = [weigher = std::move(options.memory.weigher)](const Entry& entry) {
                const auto& typed = static_cast<const E&>(entry);
                return weigher(typed.typed_key(), *typed.value());
            };
        }
        engine.eviction = options.memory.eviction;
        engine.shards = options.memory.shards;
        engine.max_memory_ttl = options.memory.max_ttl;
        if (options.memory.on_removal) {
            engine.on_removal = [listener = std::move(options.memory.on_removal)](const Entry& entry,
                                                                                  RemovalCause cause) {
                const auto& typed = static_cast<const E&>(entry);
                if (!typed.has_value()) return; // "no such thing" is not a value that leaves
                listener(typed.typed_key(), Handle<V>(EntryPtr(const_cast<E*>(&typed)), {Source::Kind::memory, 0}),
                         cause);
            };
        }
        engine.estimate_capacities = options.memory.estimate_capacities;
        engine.record_accesses = std::move(options.record_accesses);
        engine.on_event = std::move(options.on_event);
        engine.tiers = std::move(options.tiers);
        engine.expiry = options.expiry;
        engine.stale = options.stale;
        engine.refresh = options.refresh;
        engine.timeouts = options.timeouts;
        engine.loading = options.loading;
        engine.write_behind = std::move(options.write_behind);
        engine.loader = options.loader.base();
        engine.writer = options.writer.base();
        engine.max_value_bytes = options.max_value_bytes;
        engine.max_key_bytes = options.max_key_bytes;
        engine.runtime = std::move(options.runtime);
        engine.types = functions();
        return engine;
    }
};

} // namespace tiercel::detail
