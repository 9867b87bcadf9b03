#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace tiercel::chain {

/// Writes of one key follow one another, in the order in which they came. A lock is on a key's hash: two keys of one
/// hash wait for each other, which costs time and nothing else.
/// Thread safety: all members may be called concurrently.
class KeyLocks {
public:
    /// Calls `go` once all of `hashes` (sorted, unique) are this caller's: at once, or when another lets go.
    /// They are taken in their order, so that two batches cannot wait for each other.
    void lock(std::vector<std::uint64_t> hashes, std::function<void()> go);
    /// Runs those that waited for it, one after the other, before it returns; inside one of these, after that one.
    void unlock(const std::vector<std::uint64_t>& hashes);

    std::uint64_t waiting() const;

private:
    struct Claim {
        std::vector<std::uint64_t> hashes;
        std::size_t held = 0;
        std::function<void()> go;
    };
    void proceed(std::shared_ptr<Claim> claim);

    mutable std::mutex mutex_;
    std::uint64_t waiting_ = 0;
    /// Present while locked; the claims wait for it.
    boost::unordered_flat_map<std::uint64_t, std::deque<std::shared_ptr<Claim>>> locked_;
};

} // namespace tiercel::chain
