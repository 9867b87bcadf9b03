#pragma once

#include <tiercel/detail/entry.hpp>

#include <optional>
#include <utility>

namespace tiercel::detail {

/// An entry whose value type is known: what a Handle<V> holds.
template <class V>
class ValueEntry : public Entry {
public:
    const V* value() const noexcept { return value_ ? &*value_ : nullptr; }

    template <class... Args>
    void emplace(Args&&... args) {
        value_.emplace(std::forward<Args>(args)...);
        has_value_ = true;
    }

protected:
    using Entry::Entry;

private:
    std::optional<V> value_;
};

/// An entry whose key type is known too: what a Cache<K, V> makes.
template <class K, class V>
class TypedEntry final : public ValueEntry<V> {
public:
    template <class Key>
    TypedEntry(std::uint64_t key_hash, Key&& key) : ValueEntry<V>(key_hash), key_(std::forward<Key>(key)) {}

    const void* key() const noexcept override { return &key_; }
    const K& typed_key() const noexcept { return key_; }

private:
    const K key_;
};

} // namespace tiercel::detail
