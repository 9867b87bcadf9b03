#pragma once

#include "memory/store.hpp"
#include "test_entry.hpp"

#include <atomic>

namespace tiercel::memory::test {

/// What became of some entries. Outlives them.
struct Fates {
    std::atomic<int> destroyed{0}; ///< contents
    std::atomic<int> freed{0};     ///< blocks
};

/// An entry of a 64-bit key that tells of its end.
class FatedEntry final : public detail::Entry {
public:
    FatedEntry(std::uint64_t key, std::uint64_t key_hash, Fates& fates) : Entry(key_hash), key_(key), fates_(fates) {
        has_value_ = true;
    }
    ~FatedEntry() override { ++fates_.freed; }
    const void* key() const noexcept override { return &key_; }
    std::size_t block_bytes() const noexcept override { return sizeof(*this); }
    std::uint64_t id() const noexcept { return key_; }

private:
    void destroy_contents() noexcept override { ++fates_.destroyed; }

    const std::uint64_t key_;
    Fates& fates_;
};

} // namespace tiercel::memory::test
