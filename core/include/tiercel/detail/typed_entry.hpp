#pragma once

#include <tiercel/detail/entry.hpp>

#include <memory>
#include <utility>

namespace tiercel::detail {

/// An entry whose value type is known: what a Handle<V> holds.
template <class V>
class ValueEntry : public Entry {
public:
    const V* value() const noexcept { return has_value_ ? &value_ : nullptr; }

    /// Gives it a value, or another one.
    template <class... Args>
    void emplace(Args&&... args) {
        destroy_value();
        std::construct_at(&value_, std::forward<Args>(args)...);
        has_value_ = true;
    }

protected:
    explicit ValueEntry(std::uint64_t key_hash) noexcept : Entry(key_hash) {}
    ~ValueEntry() override {} // destroy_contents was before

    void destroy_value() noexcept {
        if (std::exchange(has_value_, false)) std::destroy_at(&value_);
    }

private:
    union {
        V value_; ///< there if has_value_
    };
};

/// An entry whose key type is known too: what a Cache<K, V> makes.
template <class K, class V>
class TypedEntry final : public ValueEntry<V> {
public:
    template <class Key>
    TypedEntry(std::uint64_t key_hash, Key&& key) : ValueEntry<V>(key_hash), key_(std::forward<Key>(key)) {}

    const void* key() const noexcept override { return &key_; }
    const K& typed_key() const noexcept { return key_; }
    std::size_t block_bytes() const noexcept override { return sizeof(*this); }

private:
    ~TypedEntry() override {} // destroy_contents was before

    void destroy_contents() noexcept override {
        this->destroy_value();
        std::destroy_at(&key_);
    }

    union {
        const K key_; ///< there until destroy_contents
    };
};

} // namespace tiercel::detail
