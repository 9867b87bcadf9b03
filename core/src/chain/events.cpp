#include "events.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace tiercel::chain {

namespace {

/// How soon it is tried again when all worker threads are taken and their queue is full.
constexpr std::chrono::milliseconds retry_interval{100};

} // namespace

void Events::tell(Event::What what) {
    if (!listener_) return;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= most_waiting) {
            dropped_.add();
            return;
        }
        waiting_.push_back({cache_name_, runtime_->wall_now(), std::move(what)});
        if (telling_) return;
        telling_ = true;
    }
    begin_telling();
}

void Events::tell_last(Event::What what) {
    if (!listener_) return;
    const auto nobody = std::thread::id();
    {
        std::unique_lock lock(mutex_);
        const bool is_listener = teller_ == std::this_thread::get_id();
        if (is_listener || !returned_.wait_for(lock, last_words, [&] { return teller_ == nobody; })) {
            dropped_.add();
            return;
        }
    }
    tell_one({cache_name_, runtime_->wall_now(), std::move(what)});
}

/// With telling_ set by the caller.
void Events::begin_telling() {
    if (!scope_->begin()) {
        const std::lock_guard lock(mutex_);
        waiting_.clear();
        telling_ = false;
        return;
    }
    if (runtime_->run_blocking([self = shared_from_this()] { self->tell_all(); })) return;
    runtime_->call_at(runtime_->now() + retry_interval, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->begin_telling();
    });
    scope_->end();
}

void Events::tell_all() {
    for (;;) {
        std::optional<Event> next;
        {
            const std::lock_guard lock(mutex_);
            if (waiting_.empty()) {
                telling_ = false;
                break;
            }
            next.emplace(std::move(waiting_.front()));
            waiting_.pop_front();
            teller_ = std::this_thread::get_id();
        }
        if (!scope_->over()) tell_one(*next);
        {
            const std::lock_guard lock(mutex_);
            teller_ = std::thread::id();
        }
        returned_.notify_all();
    }
    scope_->end();
}

void Events::tell_one(const Event& event) noexcept {
    try {
        listener_(event);
    } catch (...) {
        failures_.add();
    }
}

} // namespace tiercel::chain
