#include "journal_lane.hpp"

#include <tiercel/spi/run_loop.hpp>

#include <algorithm>
#include <utility>

namespace tiercel::chain {

JournalLane::JournalLane(std::shared_ptr<spi::Journal> journal, std::shared_ptr<spi::Runtime> runtime,
                         std::shared_ptr<Scope> scope)
    : journal_(std::move(journal)), runtime_(std::move(runtime)), scope_(std::move(scope)) {}

JournalLane::~JournalLane() {
    if (!let_go_) journal_->end();
}

void JournalLane::append(Append append) {
    {
        std::unique_lock lock(mutex_);
        if (ended_) {
            lock.unlock();
            append.done(Error(Errc::closed, "the cache was closed"));
            return;
        }
        to_append_.push_back(std::move(append));
        if (std::exchange(running_, true)) return;
        if (!pausing_) scope_->begin_another();
    }
    begin();
}

void JournalLane::remove(Removal removal) {
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        to_remove_.push_back(std::move(removal));
        if (pausing_ || std::exchange(running_, true)) return;
        scope_->begin_another();
    }
    begin();
}

Result<spi::JournalContents> JournalLane::begin_journal(const spi::JournalIdentity& identity,
                                                        const std::function<void(const spi::JournalRecord&)>& each) {
    auto contents = journal_->begin(identity, each);
    const std::lock_guard lock(mutex_);
    let_go_ = !contents;
    return contents;
}

/// By who has set let_go_.
void JournalLane::let_go() {
    journal_->end();
    journal_.reset();
}

/// With running_ set by the caller.
void JournalLane::begin() {
    const auto accepted = runtime_->run_blocking([self = shared_from_this()] { self->run(); });
    if (accepted) return;
    std::vector<Append> refused;
    {
        const std::lock_guard lock(mutex_);
        refused.swap(to_append_);
    }
    if (!refused.empty()) {
        failures_.add();
        refuse(refused, accepted.error());
    }
    begin_later(&JournalLane::begin);
}

void JournalLane::begin_later(void (JournalLane::*what)()) {
    const spi::RunLoop::Away away; // whoever waits here may be gone by then
    runtime_->call_at(runtime_->now() + pause, [weak = weak_from_this(), what] {
        if (const auto self = weak.lock()) (self.get()->*what)();
    });
}

void JournalLane::pause_is_over() {
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(pausing_, false)) return; // hurried
        if (std::exchange(running_, true)) return;   // who runs takes them along
    }
    begin();
}

void JournalLane::run() {
    bool lets_go = false;
    bool rests = false;
    for (;;) {
        std::vector<Append> appends;
        std::vector<Removal> removals;
        {
            const std::lock_guard lock(mutex_);
            appends.swap(to_append_);
            if (!pausing_) removals.swap(to_remove_);
            if (appends.empty() && removals.empty()) {
                running_ = false;
                rests = !pausing_;
                lets_go = ended_ && !std::exchange(let_go_, true);
                break;
            }
        }
        if (!appends.empty()) append_all(std::move(appends));
        if (!removals.empty()) remove_all(std::move(removals));
    }
    if (lets_go) let_go();
    if (rests) scope_->end();
}

void JournalLane::append_all(std::vector<Append> appends) {
    const auto together = append_some(appends);
    if (together) return;
    if (appends.size() == 1) {
        refuse(appends, together.error());
        return;
    }
    std::stable_sort(appends.begin(), appends.end(), [](const Append& a, const Append& b) {
        return a.key.size() + a.value.size() < b.key.size() + b.value.size();
    });
    std::vector<std::span<const Append>> parts; // the last one is the next
    const auto halve = [&parts](std::span<const Append> part) {
        const auto half = part.size() / 2;
        parts.push_back(part.subspan(half));
        parts.push_back(part.first(half));
    };
    halve(appends);
    int in_a_row = 0;
    while (!parts.empty()) {
        const auto part = parts.back();
        parts.pop_back();
        const auto result = append_some(part);
        if (result) {
            in_a_row = 0;
        } else if (part.size() > 1) {
            halve(part);
        } else {
            refuse(part, result.error());
            if (++in_a_row < tries) continue;
            for (const auto& untried : parts)
                refuse(untried, result.error());
            return;
        }
    }
}

/// All of them, who are told; or none, who are not.
Result<void> JournalLane::append_some(std::span<const Append> appends) {
    std::vector<spi::JournalRecord> records;
    records.reserve(appends.size());
    for (const auto& append : appends)
        records.push_back({append.key, append.value, append.sequence});
    auto result = journal_->append(records);
    if (!result) {
        failures_.add();
        return result;
    }
    appends_.add();
    records_.add(records.size());
    for (const auto& append : appends)
        append.done(result);
    return result;
}

void JournalLane::refuse(std::span<const Append> appends, const Error& error) {
    const Error why(error.code(), "the journal '" + std::string(journal_->name()) +
                                      "' did not take the write, which was not acknowledged: " + error.message());
    for (const auto& append : appends)
        append.done(why);
}

void JournalLane::remove_all(std::vector<Removal> removals) {
    std::vector<spi::JournalRemoval> keys;
    keys.reserve(removals.size());
    for (const auto& removal : removals)
        keys.push_back({removal.key, removal.sequence});
    const bool is_last_try = !scope_->open();
    const bool is_done = journal_->remove(keys).has_value();
    if (!is_done) failures_.add();
    if (is_done || is_last_try) { // what stays there is written once more by the next cache
        for (const auto& removal : removals)
            removal.done();
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return; // nobody takes them up again
        for (auto& removal : removals)
            to_remove_.push_back(std::move(removal));
        pausing_ = true;
    }
    begin_later(&JournalLane::pause_is_over);
}

void JournalLane::end() {
    std::vector<Removal> dropped;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        dropped.swap(to_remove_);
        if (running_ || std::exchange(let_go_, true)) return; // it lets the journal go
    }
    let_go();
}

} // namespace tiercel::chain
