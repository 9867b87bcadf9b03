#include "write_behind.hpp"

#include <tiercel/spi/run_loop.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace tiercel::chain {

using detail::EntryPtr;

namespace {

WriteQueueOptions queue_options(const WriteBehindOptions& options) {
    WriteQueueOptions queue;
    queue.max_keys = options.max_writes;
    queue.max_bytes = options.max_bytes;
    queue.max_batch = options.max_batch;
    queue.delay = options.delay;
    queue.max_attempts = options.max_attempts;
    queue.retry_min = options.retry_min;
    queue.retry_max = options.retry_max;
    queue.journalled = options.acknowledge == Acknowledge::journal;
    return queue;
}

/// Failures that tell of the source, or of the way there, and not of the value: Sources', or the writer's own.
bool is_outage(Errc code) {
    return code == Errc::timeout || code == Errc::overloaded || code == Errc::closed || code == Errc::connection_failed;
}

} // namespace

/// In the order in which they are done.
struct WriteBehind::Consequences {
    std::vector<std::shared_ptr<Waiting>> let_in;
    bool call_is_over = false;
    bool is_empty = false; ///< the scope's count ends
};

WriteBehind::WriteBehind(const detail::EngineOptions& options, std::shared_ptr<spi::Journal> journal, Parts parts)
    : options_(options.write_behind),
      types_(options.types),
      cache_name_(options.name),
      writer_(options.writer),
      source_timeout_(options.timeouts.source),
      max_waiting_(options.loading.max_waiting),
      max_calls_(std::max<std::size_t>(1, options.loading.max_concurrent / 2)),
      keys_of_a_call_(is_single(options.writer->style()) ? 1 : options.write_behind.max_batch),
      parts_(std::move(parts)),
      lane_(journal ? std::make_shared<JournalLane>(std::move(journal), parts_.runtime, parts_.scope) : nullptr),
      queue_(queue_options(options.write_behind), options.types.key_equal) {}

Result<std::vector<EntryPtr>> WriteBehind::recover() {
    std::vector<EntryPtr> keys;
    if (!lane_) return keys;
    const auto contents =
        lane_->begin_journal({cache_name_, types_.codec, types_.schema}, [&](const spi::JournalRecord& record) {
            if (!recover_one(record, keys)) unreadable_.add();
        });
    if (!contents) return contents.error();
    unreadable_.add(contents->damaged);
    recovered_.add(keys.size());
    {
        const std::lock_guard lock(mutex_);
        last_sequence_ = contents->last_sequence;
        if (!keys.empty()) counted_ = parts_.scope->begin();
        any_.store(!keys.empty(), std::memory_order_relaxed);
    }
    pump_soon();
    return keys;
}

bool WriteBehind::recover_one(const spi::JournalRecord& record, std::vector<EntryPtr>& keys) {
    bool is_read = false;
    try {
        auto entry = types_.decode_key(record.key);
        if (!entry || !types_.decode_value(*entry, record.value)) return false;
        is_read = true;
        const auto bytes = record.key.size() + record.value.size();
        const std::lock_guard lock(mutex_);
        queue_.fill(types_.blank_of(*entry), entry, record.sequence, bytes, parts_.runtime->now());
        keys.push_back(types_.blank_of(*entry));
        return true;
    } catch (...) { // a codec's
        if (is_read) throw;
        return false;
    }
}

void WriteBehind::journal(Put put) {
    std::uint64_t sequence = 0;
    {
        const std::lock_guard lock(mutex_);
        sequence = ++last_sequence_;
    }
    if (!lane_) {
        enqueue(put, sequence, 0);
        return;
    }
    JournalLane::Append append{put.key, std::move(put.value), sequence, {}};
    const auto bytes = append.key.size() + append.value.size();
    append.done = [self = shared_from_this(), put = std::move(put), sequence, bytes](const Result<void>& result) {
        self->on_journalled(put, sequence, bytes, result);
    };
    lane_->append(std::move(append));
}

void WriteBehind::on_journalled(const Put& put, std::uint64_t sequence, std::size_t bytes, const Result<void>& result) {
    if (result) {
        enqueue(put, sequence, bytes);
        return;
    }
    auto in = let_go(put, bytes);
    put.on_taken(result);
    admit(std::move(in));
}

void WriteBehind::enqueue(const Put& put, std::uint64_t sequence, std::size_t bytes) {
    const auto self = shared_from_this(); // on_taken() may end what holds it
    std::vector<std::shared_ptr<Waiting>> in;
    bool ended = false;
    {
        const std::lock_guard lock(mutex_);
        ended = ended_;
        if (!ended) {
            queue_.put(put.entry, sequence, bytes, parts_.runtime->now());
            in = let_in(); // what it has replaced may have been larger
            any_.store(true, std::memory_order_relaxed);
            if (!std::exchange(counted_, true)) parts_.scope->begin_another();
        }
    }
    if (ended) {
        put.on_taken(closed_error());
        return;
    }
    acknowledged_.add();
    put.on_taken({});
    admit(std::move(in));
    pump();
}

EntryPtr WriteBehind::find_pending(detail::KeyRef key) const {
    const std::lock_guard lock(mutex_);
    return ended_ ? nullptr : queue_.find(key);
}

/// Gives the writer what is due, and sets the timer for what is due next.
void WriteBehind::pump() {
    std::vector<std::vector<WriteQueue::Taken>> calls;
    {
        const spi::RunLoop::Away away;
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        const auto now = parts_.runtime->now();
        while (calls_ < max_calls_) {
            auto writes = queue_.take(now, keys_of_a_call_);
            if (writes.empty()) break;
            ++calls_;
            calls.push_back(std::move(writes));
        }
        if (calls_ < max_calls_) arm(queue_.next()); // else the end of a call comes back here
    }
    for (auto& writes : calls)
        launch(std::move(writes));
}

/// With the mutex held.
void WriteBehind::arm(std::optional<SteadyTime> due) {
    if (!due || *due >= armed_for_) return;
    if (timer_ != 0) parts_.runtime->cancel(timer_);
    armed_for_ = *due;
    timer_ = parts_.runtime->call_at(*due, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        {
            const std::lock_guard lock(self->mutex_);
            self->timer_ = 0;
            self->armed_for_ = SteadyTime::max();
        }
        self->pump();
    });
}

void WriteBehind::launch(std::vector<WriteQueue::Taken> writes) {
    const auto call = std::make_shared<Call>();
    call->unsettled = writes.size();
    std::vector<EntryPtr> entries;
    entries.reserve(writes.size());
    for (const auto& write : writes)
        entries.push_back(write.entry);
    call->writes = std::move(writes);
    const auto timeout = std::min(source_timeout_, std::chrono::nanoseconds(std::chrono::hours(24 * 365)));
    auto on_settled = [self = shared_from_this(), call](std::size_t i, const Result<detail::LoadFacts>& facts) {
        self->settled(call, i, facts);
    };
    auto on_late = [self = shared_from_this(), call](std::size_t i) { self->landed_late(call->writes[i]); };
    parts_.sources->call({.function = writer_,
                          .entries = std::move(entries),
                          .deadline = parts_.runtime->now() + timeout,
                          .thrown = Errc::writer_failed,
                          .on_settled = std::move(on_settled),
                          .on_late = std::move(on_late)});
}

/// A failure is a verdict on the value if the writer was given that alone and answered; and not while the cache closes:
/// nobody could be told, and nothing invalidated.
WriteQueue::Answer WriteBehind::judge(const Call& call, const Result<detail::LoadFacts>& facts) const {
    if (facts) return WriteQueue::Answer::written;
    const bool alone = call.writes.size() == 1;
    return alone && !is_outage(facts.error().code()) && parts_.scope->open() ? WriteQueue::Answer::refused
                                                                             : WriteQueue::Answer::failed;
}

WriteDropped WriteBehind::dropped(const detail::Entry& entry, const Error& reason) const {
    WriteDropped dropped{{}, reason};
    try {
        if (types_.encode_key != nullptr && !types_.encode_key(entry, dropped.key)) dropped.key.clear();
    } catch (...) { // a codec's
        dropped.key.clear();
    }
    return dropped;
}

void WriteBehind::landed_late(const WriteQueue::Taken& write) {
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || queue_.landed_late(write)) return;
    }
    parts_.invalidate(types_.blank_of(*write.entry)); // the newest value is not known here any more: the source decides
}

void WriteBehind::settled(const std::shared_ptr<Call>& call, std::size_t index,
                          const Result<detail::LoadFacts>& facts) {
    const auto& write = call->writes[index];
    Consequences then;
    auto outcome = WriteQueue::Settled::retried;
    bool finished = false;
    {
        const std::lock_guard lock(mutex_);
        const auto now = parts_.runtime->now();
        outcome = queue_.settle(write, judge(*call, facts), now, parts_.runtime->random());
        then.call_is_over = --call->unsettled == 0;
        if (then.call_is_over) --calls_;
        if (ended_) return;
        finished = outcome != WriteQueue::Settled::retried && !queue_.find(write.entry->ref());
        then.let_in = let_in();
        any_.store(queue_.unwritten() != 0, std::memory_order_relaxed);
        then.is_empty = is_empty_now();
    }
    switch (outcome) {
    case WriteQueue::Settled::written:
        written_.add();
        break;
    case WriteQueue::Settled::retried:
        retried_.add();
        break;
    case WriteQueue::Settled::dropped:
        dropped_.add();
        parts_.events->tell(dropped(*write.entry, facts.error()));
        parts_.invalidate(types_.blank_of(*write.entry));
        break;
    }
    if (finished && lane_) forget(write.entry, write.sequence);
    admit(std::move(then.let_in));
    if (then.call_is_over) pump_soon();
    if (then.is_empty) parts_.scope->end();
}

Error WriteBehind::closed_error() const {
    return Error(Errc::closed, "cache '" + cache_name_ + "' was closed before the write was acknowledged");
}

/// With the mutex held: whether the scope's count is the caller's to end.
bool WriteBehind::is_empty_now() {
    return queue_.pending() == 0 && std::exchange(counted_, false);
}

/// Its record leaves the journal.
void WriteBehind::forget(const EntryPtr& entry, std::uint64_t sequence) {
    JournalLane::Removal removal;
    removal.sequence = sequence;
    removal.done = [self = shared_from_this(), entry, sequence] { self->forgotten(entry, sequence); };
    try {
        if (types_.encode_key(*entry, removal.key)) {
            lane_->remove(std::move(removal));
            return;
        }
    } catch (...) { // as below
    }
    forgotten(entry, sequence); // a codec that has changed its mind: the record is written again after a restart
}

void WriteBehind::forgotten(const EntryPtr& entry, std::uint64_t sequence) {
    std::vector<std::shared_ptr<Waiting>> in;
    bool is_empty = false;
    {
        const std::lock_guard lock(mutex_);
        queue_.forgotten(entry->ref(), sequence);
        if (ended_) return;
        in = let_in();
        is_empty = is_empty_now();
    }
    admit(std::move(in));
    if (is_empty) parts_.scope->end();
}

/// Not from here: who calls may be a call of the writer that the pump has begun.
void WriteBehind::pump_soon() {
    boost::asio::post(parts_.runtime->executor(), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->pump();
    });
}

void WriteBehind::drain() {
    {
        const std::lock_guard lock(mutex_);
        queue_.hurry(parts_.runtime->now());
    }
    if (lane_) lane_->hurry();
    pump_soon();
}

void WriteBehind::end() {
    std::deque<std::shared_ptr<Waiting>> waiting;
    std::size_t left = 0;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(ended_, true)) return;
        waiting.swap(waiting_);
        for (const auto& one : waiting)
            one->over = true;
        left = queue_.unwritten();
        queue_.clear();
        any_.store(false, std::memory_order_relaxed);
        if (timer_ != 0) parts_.runtime->cancel(timer_);
    }
    for (const auto& one : waiting) {
        parts_.runtime->cancel(one->timer);
        one->put.on_taken(closed_error());
    }
    if (left != 0) {
        (lane_ ? left_ : lost_).add(left);
        parts_.events->tell_last(lane_ ? WritesLeft{0, left} : WritesLeft{left, 0});
    }
    if (lane_) lane_->end();
}

WriteBehindStats WriteBehind::stats() const {
    WriteBehindStats stats;
    {
        const std::lock_guard lock(mutex_);
        stats.pending = queue_.unwritten();
        stats.pending_bytes = queue_.bytes();
        stats.coalesced = queue_.coalesced();
    }
    stats.acknowledged = acknowledged_.get();
    stats.written = written_.get();
    stats.retried = retried_.get();
    stats.dropped = dropped_.get();
    stats.lost = lost_.get();
    stats.left_in_journal = left_.get();
    stats.recovered = recovered_.get();
    stats.unreadable = unreadable_.get();
    if (lane_) {
        stats.journal_appends = lane_->appends();
        stats.journal_records = lane_->records();
        stats.journal_failures = lane_->failures();
    }
    return stats;
}

std::size_t WriteBehind::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}

} // namespace tiercel::chain
