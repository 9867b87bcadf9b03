#include "write_behind.hpp"

#include <tiercel/spi/run_loop.hpp>

#include <utility>

namespace tiercel::chain {

void WriteBehind::accept(Put put) {
    const auto bytes = record_bytes(put);
    if (!queue_.fits(bytes)) { // for such a one nobody is to wait
        put.on_taken(Error(Errc::value_too_large, "a write of " + std::to_string(bytes) + " bytes is over the " +
                                                      std::to_string(options_.max_bytes) +
                                                      " of WriteBehindOptions::max_bytes; raise it"));
        return;
    }
    bool held = false;
    bool ended = false;
    bool waits = false;
    {
        const std::lock_guard lock(mutex_);
        ended = ended_;
        const bool in_turn = waiting_.empty() || queue_.has(put.entry->ref());
        held = in_turn && !ended && queue_.hold(*put.entry, bytes, types_.blank_of);
        waits = !held && waiting_.size() < max_waiting_;
    }
    if (ended) {
        put.on_taken(closed_error());
    } else if (held) {
        journal(std::move(put));
    } else if (waits) {
        wait_for_room(std::move(put));
    } else {
        put.on_taken(Error(Errc::overloaded, std::to_string(max_waiting_) +
                                                 " puts wait already for pending writes to reach the source "
                                                 "(LoadingOptions::max_waiting)"));
    }
}

Error WriteBehind::full_error() const {
    return Error(Errc::overloaded, "cache '" + cache_name_ +
                                       "' has as many pending writes as it may, and the source of truth took none in "
                                       "time; nothing was done (WriteBehindOptions::max_writes, max_bytes)");
}

void WriteBehind::wait_for_room(Put put) {
    const auto waiting = std::make_shared<Waiting>();
    waiting->put = std::move(put);
    const auto deadline = waiting->put.deadline;
    waiting->put.operation->offer(waiting->put.index, full_error(), SteadyTime::max());
    std::vector<std::shared_ptr<Waiting>> in;
    bool ended = false;
    {
        const spi::RunLoop::Away away; // whoever waits here may be gone by then
        const std::lock_guard lock(mutex_);
        ended = ended_;
        if (!ended) {
            waiting->timer = parts_.runtime->call_at(deadline, [weak = weak_from_this(), waiting] {
                if (const auto self = weak.lock()) self->give_up_waiting(waiting);
            });
            waiting_.push_back(waiting);
            in = let_in(); // there may be room since we looked
        }
    }
    if (ended) waiting->put.on_taken(closed_error());
    admit(std::move(in));
}

void WriteBehind::give_up_waiting(const std::shared_ptr<Waiting>& waiting) {
    std::vector<std::shared_ptr<Waiting>> in;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(waiting->over, true)) return;
        std::erase(waiting_, waiting);
        in = let_in(); // one behind it may be smaller
    }
    waiting->put.on_taken(full_error());
    admit(std::move(in));
}

/// With the mutex held: those for whom there is room.
std::vector<std::shared_ptr<WriteBehind::Waiting>> WriteBehind::let_in() {
    std::vector<std::shared_ptr<Waiting>> in;
    while (!waiting_.empty()) {
        const auto& first = *waiting_.front();
        if (!queue_.hold(*first.put.entry, record_bytes(first.put), types_.blank_of)) break;
        waiting_.front()->over = true;
        in.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    return in;
}

void WriteBehind::admit(std::vector<std::shared_ptr<Waiting>> in) {
    for (std::size_t i = 0; i < in.size(); ++i) {
        const auto waiting = in[i];
        auto& put = waiting->put;
        parts_.runtime->cancel(waiting->timer);
        if (put.operation->withdraw_offer(put.index)) {
            journal(std::move(put));
            continue;
        }
        for (auto& next : let_go(put, record_bytes(put)))
            in.push_back(std::move(next));
        put.on_taken(full_error()); // as its caller was told
    }
}

/// A put for which there was room will not be. Gives those for whom there is room then.
std::vector<std::shared_ptr<WriteBehind::Waiting>> WriteBehind::let_go(const Put& put, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    queue_.let_go(put.entry->ref(), bytes);
    return ended_ ? std::vector<std::shared_ptr<Waiting>>() : let_in();
}

} // namespace tiercel::chain
