#include "byte_store.hpp"

#include <tiercel/memory_backend.hpp>

namespace tiercel::memory_backend {
namespace {

std::size_t cost(BytesView key, BytesView value) {
    return key.size() + value.size() + entry_overhead;
}

/// What is left is told in whole milliseconds, rounded down; an entry with less than one left is gone.
bool expired(const ByteStore::Entry& entry, SteadyTime now) {
    return entry.expires != SteadyTime::max() && entry.expires - now < Milliseconds(1);
}

SteadyTime expiry(std::optional<Milliseconds> ttl, SteadyTime now) {
    if (!ttl || *ttl >= std::chrono::duration_cast<Milliseconds>(SteadyTime::max() - now)) return SteadyTime::max();
    return now + *ttl;
}

constexpr char cursor_mark = '>'; // so that a cursor is never empty before the end, whatever the key

} // namespace

ByteStore::Position ByteStore::find_live(BytesView key, SteadyTime now) {
    auto& by_key = entries_.get<ByKey>();
    const auto found = by_key.find(key);
    if (found == by_key.end() || !expired(*found, now)) return found;
    remove(found);
    return by_key.end();
}

const ByteStore::Entry* ByteStore::use(BytesView key, SteadyTime now) {
    const auto found = find_live(key, now);
    if (found == entries_.get<ByKey>().end()) return nullptr;
    auto& by_use = entries_.get<ByUse>();
    by_use.relocate(by_use.end(), entries_.project<ByUse>(found));
    return &*found;
}

void ByteStore::put(BytesView key, std::shared_ptr<const Bytes> value, std::optional<Milliseconds> ttl,
                    SteadyTime now) {
    erase(key, now);
    const std::size_t bytes = cost(key, *value);
    make_room(bytes, now);
    entries_.get<ByUse>().push_back(
        Entry{Bytes(key), std::move(value), static_cast<spi::Version>(++last_version_), expiry(ttl, now)});
    bytes_ += bytes;
}

bool ByteStore::erase(BytesView key, SteadyTime now) {
    const auto found = find_live(key, now);
    if (found == entries_.get<ByKey>().end()) return false;
    remove(found);
    return true;
}

bool ByteStore::touch(BytesView key, Milliseconds ttl, SteadyTime now) {
    const auto found = find_live(key, now);
    if (found == entries_.get<ByKey>().end()) return false;
    entries_.get<ByKey>().modify(found, [&](Entry& entry) { entry.expires = expiry(ttl, now); });
    return true;
}

spi::ScanPage ByteStore::scan(BytesView prefix, const std::string& cursor, std::size_t limit, SteadyTime now) const {
    const auto& by_key = entries_.get<ByKey>();
    auto at = cursor.empty() ? by_key.lower_bound(prefix) : by_key.upper_bound(BytesView(cursor).substr(1));
    spi::ScanPage page;
    for (; at != by_key.end() && at->key.starts_with(prefix); ++at) {
        if (page.keys.size() == limit) {
            page.cursor = cursor_mark + page.keys.back();
            break;
        }
        if (!expired(*at, now)) page.keys.push_back(at->key);
    }
    return page;
}

void ByteStore::clear() noexcept {
    entries_.clear();
    bytes_ = 0;
}

void ByteStore::remove(Position entry) {
    bytes_ -= cost(entry->key, *entry->value);
    entries_.get<ByKey>().erase(entry);
}

void ByteStore::make_room(std::size_t bytes, SteadyTime now) {
    auto& by_expiry = entries_.get<ByExpiry>();
    auto& by_use = entries_.get<ByUse>();
    const auto full = [&] {
        return bytes_ + bytes > max_bytes_ || (max_entries_ != 0 && entries_.size() >= max_entries_);
    };
    while (!entries_.empty() && full()) {
        const auto soonest = by_expiry.begin();
        remove(expired(*soonest, now) ? entries_.project<ByKey>(soonest) : entries_.project<ByKey>(by_use.begin()));
    }
}

} // namespace tiercel::memory_backend
