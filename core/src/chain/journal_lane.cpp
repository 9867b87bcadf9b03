#include "journal_lane.hpp"

#include <tiercel/spi/run_loop.hpp>

#include <utility>

namespace tiercel::chain {

JournalLane::JournalLane(std::shared_ptr<spi::Journal> journal, std::shared_ptr<spi::Runtime> runtime,
                         std::shared_ptr<Scope> scope)
    : journal_(std::move(journal)), runtime_(std::move(runtime)), scope_(std::move(scope)) {}

JournalLane::~JournalLane() {
    if (!let_go_) journal_->end();
}

void JournalLane::append(Append append) {
    bool begins = false;
    bool refused = false;
    {
        const std::lock_guard lock(mutex_);
        refused = ended_;
        if (!refused) {
            to_append_.push_back(std::move(append));
            begins = !std::exchange(running_, true);
            if (begins) scope_->begin_another();
        }
    }
    if (refused) append.done(Error(Errc::closed, "the cache was closed"));
    if (begins) begin();
}

void JournalLane::remove(Removal removal) {
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        to_remove_.push_back(std::move(removal));
        if (std::exchange(running_, true)) return;
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
    refuse(std::move(refused), accepted.error());
    begin_later();
}

void JournalLane::begin_later() {
    const spi::RunLoop::Away away; // whoever waits here may be gone by then
    runtime_->call_at(runtime_->now() + pause, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->begin();
    });
}

void JournalLane::run() {
    bool pauses = false;
    bool lets_go = false;
    for (;;) {
        std::vector<Append> appends;
        std::vector<Removal> removals;
        {
            const std::lock_guard lock(mutex_);
            appends.swap(to_append_);
            if (!pauses) removals.swap(to_remove_);
            if (appends.empty() && removals.empty()) {
                running_ = pauses && !ended_;
                lets_go = ended_ && !std::exchange(let_go_, true);
                if (!running_) break;
            }
        }
        if (appends.empty() && removals.empty()) { // but for those that failed
            begin_later();
            return;
        }
        if (!appends.empty()) append_all(std::move(appends));
        if (!removals.empty() && !remove_all(std::move(removals))) pauses = true;
    }
    if (lets_go) let_go();
    scope_->end();
}

void JournalLane::append_all(std::vector<Append> appends) {
    std::vector<spi::JournalRecord> records;
    records.reserve(appends.size());
    for (const auto& append : appends)
        records.push_back({append.key, append.value, append.sequence});
    const auto result = journal_->append(records);
    if (!result) {
        refuse(std::move(appends), result.error());
        return;
    }
    appends_.add();
    records_.add(records.size());
    for (const auto& append : appends)
        append.done(result);
}

void JournalLane::refuse(std::vector<Append> appends, const Error& error) {
    if (appends.empty()) return;
    failures_.add();
    const Error why(error.code(), "the journal '" + std::string(journal_->name()) +
                                      "' did not take the write, which was not acknowledged: " + error.message());
    for (const auto& append : appends)
        append.done(why);
}

bool JournalLane::remove_all(std::vector<Removal> removals) {
    std::vector<spi::JournalRemoval> keys;
    keys.reserve(removals.size());
    for (const auto& removal : removals)
        keys.push_back({removal.key, removal.sequence});
    if (journal_->remove(keys)) {
        for (const auto& removal : removals)
            removal.done();
        return true;
    }
    failures_.add();
    const std::lock_guard lock(mutex_);
    for (auto& removal : removals)
        to_remove_.push_back(std::move(removal));
    return false;
}

void JournalLane::end() {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        to_remove_.clear();
        if (running_ || std::exchange(let_go_, true)) return; // it lets the journal go
    }
    let_go();
}

} // namespace tiercel::chain
