#pragma once

#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/bytes.hpp>
#include <tiercel/spi/clock.hpp>

#include <boost/multi_index/member.hpp>
#include <boost/multi_index/ordered_index.hpp>
#include <boost/multi_index/sequenced_index.hpp>
#include <boost/multi_index_container.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace tiercel::memory_backend {

using Milliseconds = std::chrono::milliseconds;

/// The entries, by key, by time of expiry and by last use; bounded by bytes and by number. Knows no clock: the caller
/// says what time it is.
/// Thread safety: none; the backend holds its lock.
class ByteStore {
public:
    struct Entry {
        Bytes key;
        std::shared_ptr<const Bytes> value; // shared with a reader that copies it after the lock is released
        spi::Version version{};
        SteadyTime expires; // max(): never
    };

    ByteStore(std::size_t max_bytes, std::size_t max_entries) noexcept
        : max_bytes_(max_bytes), max_entries_(max_entries) {}

    /// The live entry, which becomes the most recently used one; null if there is none. Valid until the next call.
    const Entry* use(BytesView key, SteadyTime now);

    /// The caller has checked that the entry fits alone.
    void put(BytesView key, std::shared_ptr<const Bytes> value, std::optional<Milliseconds> ttl, SteadyTime now);
    /// True if a live entry was there.
    bool erase(BytesView key, SteadyTime now);
    bool touch(BytesView key, Milliseconds ttl, SteadyTime now);

    /// Up to `limit` live keys beginning with `prefix`, from the first one after `cursor` on; see spi::Backend::scan.
    spi::ScanPage scan(BytesView prefix, const std::string& cursor, std::size_t limit, SteadyTime now) const;

    void clear() noexcept;

private:
    struct ByKey {};
    struct ByExpiry {};
    struct ByUse {}; // the least recently used first
    template <class Tag>
    using tagged = boost::multi_index::tag<Tag>;
    using Entries = boost::multi_index_container<
        Entry, boost::multi_index::indexed_by<
                   boost::multi_index::ordered_unique<
                       tagged<ByKey>, boost::multi_index::member<Entry, Bytes, &Entry::key>, std::less<>>,
                   boost::multi_index::ordered_non_unique<
                       tagged<ByExpiry>, boost::multi_index::member<Entry, SteadyTime, &Entry::expires>>,
                   boost::multi_index::sequenced<tagged<ByUse>>>>;
    using Position = Entries::index<ByKey>::type::iterator;

    Position find_live(BytesView key, SteadyTime now);
    void remove(Position entry);
    /// Removes expired entries, then the least recently used, until `bytes` more fit.
    void make_room(std::size_t bytes, SteadyTime now);

    const std::size_t max_bytes_;
    const std::size_t max_entries_;
    Entries entries_;
    std::size_t bytes_ = 0;          // the sum of cost() over entries_
    std::uint64_t last_version_ = 0; // no version is given out twice, so a key erased and written again has a new one
};

} // namespace tiercel::memory_backend
