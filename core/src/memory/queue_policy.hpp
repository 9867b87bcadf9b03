#pragma once

#include "memory/policy.hpp"

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>

namespace tiercel::memory {

/// A queue through the entries' policy hooks.
using PolicyQueue =
    boost::intrusive::list<Entry, boost::intrusive::member_hook<Entry, Entry::Hook, &Entry::policy_hook>,
                           boost::intrusive::constant_time_size<false>>;

/// `fresh` goes in where `old` leaves: at the same point of the same queue, used as often.
inline void take_place(PolicyQueue& queue, Entry& old, Entry& fresh) noexcept {
    queue.insert(queue.iterator_to(old), fresh);
    queue.erase(queue.iterator_to(old));
    fresh.place = old.place;
    fresh.set_uses(old.uses());
}

inline void move_to_back(PolicyQueue& queue, Entry& entry) noexcept {
    queue.splice(queue.end(), queue, queue.iterator_to(entry));
}

/// The first of the queue, or the second if that is `spared`; null if there is none.
inline Entry* first_but(PolicyQueue& queue, const Entry* spared) noexcept {
    auto at = queue.begin();
    if (at != queue.end() && &*at == spared) ++at;
    return at == queue.end() ? nullptr : &*at;
}

/// The queues of a policy that has several: each entry is in the one that its `place` names.
template <std::size_t count>
class PlacedQueues {
public:
    PolicyQueue& operator[](std::uint32_t place) noexcept { return queues_[place]; }

    std::size_t size(std::uint32_t place) const noexcept { return sizes_[place]; }
    std::size_t size() const noexcept { return std::accumulate(sizes_.begin(), sizes_.end(), std::size_t{0}); }

    /// At the back.
    void join(std::uint32_t place, Entry& entry) noexcept {
        queues_[place].push_back(entry);
        entry.place = place;
        ++sizes_[place];
    }

    void leave(Entry& entry) noexcept {
        PolicyQueue& queue = queues_[entry.place];
        queue.erase(queue.iterator_to(entry));
        --sizes_[entry.place];
    }

    void replace(Entry& old, Entry& fresh) noexcept { take_place(queues_[old.place], old, fresh); }

    Entry* first_but(std::uint32_t place, const Entry* spared) noexcept {
        return memory::first_but(queues_[place], spared);
    }

    /// As Policy::walk, of what holds for every such policy.
    template <class Visit>
    std::string walk(Visit visit) const {
        for (std::uint32_t place = 0; place < count; ++place) {
            std::size_t seen = 0;
            for (const Entry& entry : queues_[place]) {
                visit(entry);
                ++seen;
                if (entry.place != place) return "queues: an entry is not where its place says";
            }
            if (seen != sizes_[place]) return "queues: a queue and its size differ";
        }
        return {};
    }

private:
    std::array<PolicyQueue, count> queues_;
    std::array<std::size_t, count> sizes_{};
};

/// What LRU, FIFO and MRU share: one queue, oldest in front; new keys and new values go to the back.
class QueuePolicy : public Policy {
public:
    void on_insert(Entry& entry) noexcept final { queue_.push_back(entry); }

    void on_replace(Entry& old, Entry& fresh) noexcept final {
        on_remove(old, Exit::dropped);
        on_insert(fresh);
    }

    void on_remove(Entry& entry, Exit) noexcept final { queue_.erase(queue_.iterator_to(entry)); }

    std::string walk(const std::function<void(const Entry&)>& visit) const final {
        for (const Entry& entry : queue_)
            visit(entry);
        return {};
    }

protected:
    Entry* front(const Entry* spared) noexcept { return first_but(queue_, spared); }
    Entry* back(const Entry* spared) noexcept {
        auto at = queue_.rbegin();
        if (at != queue_.rend() && &*at == spared) ++at;
        return at == queue_.rend() ? nullptr : &*at;
    }
    void move_to_back(Entry& entry) noexcept { memory::move_to_back(queue_, entry); }

private:
    PolicyQueue queue_;
};

} // namespace tiercel::memory
