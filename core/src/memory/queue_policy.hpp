#pragma once

#include "memory/policy.hpp"

#include <boost/intrusive/list.hpp>

namespace tiercel::memory {

/// A queue through the entries' policy hooks.
using PolicyQueue =
    boost::intrusive::list<Entry, boost::intrusive::member_hook<Entry, Entry::Hook, &Entry::policy_hook>,
                           boost::intrusive::constant_time_size<false>>;

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
    Entry* front(const Entry* spared) noexcept { return first_of(queue_.begin(), queue_.end(), spared); }
    Entry* back(const Entry* spared) noexcept { return first_of(queue_.rbegin(), queue_.rend(), spared); }
    void move_to_back(Entry& entry) noexcept { queue_.splice(queue_.end(), queue_, queue_.iterator_to(entry)); }

private:
    template <class Iterator>
    static Entry* first_of(Iterator at, Iterator end, const Entry* spared) noexcept {
        if (at != end && &*at == spared) ++at;
        return at == end ? nullptr : &*at;
    }

    PolicyQueue queue_;
};

} // namespace tiercel::memory
