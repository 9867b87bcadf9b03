#include "write_queue.hpp"

#include <algorithm>
#include <utility>

namespace tiercel::chain {

using detail::EntryPtr;
using detail::KeyRef;
using std::chrono::nanoseconds;

WriteQueue::WriteQueue(const WriteQueueOptions& options, detail::KeyEqual equal)
    : options_(options), table_(0, Hash{}, Equal{equal}) {}

bool WriteQueue::hold(const detail::Entry& entry, std::size_t bytes, EntryPtr (*blank_of)(const detail::Entry&)) {
    auto* record = record_of(entry.ref());
    const auto replaced = record != nullptr ? record->bytes : 0;
    const auto others = bytes_ - replaced;
    const bool is_more = options_.max_bytes != 0 && bytes > replaced;
    if (is_more && bytes > options_.max_bytes - std::min(others, options_.max_bytes)) return false;
    if (record == nullptr) {
        if (table_.size() >= options_.max_keys) return false;
        auto made = std::make_unique<Record>();
        record = made.get();
        record->key = blank_of(entry);
        table_.emplace(record->key->ref(), std::move(made));
    }
    ++record->holds;
    bytes_ += bytes;
    return true;
}

void WriteQueue::let_go(KeyRef key, std::size_t bytes) {
    auto* record = record_of(key);
    if (record == nullptr) return;
    --record->holds;
    bytes_ -= bytes;
    erase_if_idle(*record);
}

void WriteQueue::put(EntryPtr entry, std::uint64_t sequence, std::size_t bytes, SteadyTime now) {
    auto* record = record_of(entry->ref());
    if (record == nullptr) return;
    --record->holds;
    bytes_ -= bytes;
    if (record->state == State::waiting || record->state == State::writing) ++coalesced_;
    give_value(*record, std::move(entry), sequence, bytes);
    if (record->state == State::idle || record->state == State::forgetting) {
        record->failures = 0;
        wait(*record, fresh_, hurried_ ? now : now + options_.delay);
    }
}

void WriteQueue::fill(EntryPtr key, EntryPtr entry, std::uint64_t sequence, std::size_t bytes, SteadyTime now) {
    auto made = std::make_unique<Record>();
    auto& record = *made;
    record.key = std::move(key);
    if (!table_.emplace(record.key->ref(), std::move(made)).second) return;
    give_value(record, std::move(entry), sequence, bytes);
    wait(record, fresh_, now);
}

void WriteQueue::give_value(Record& record, EntryPtr entry, std::uint64_t sequence, std::size_t bytes) {
    bytes_ -= record.bytes;
    bytes_ += bytes;
    record.value = std::move(entry);
    record.sequence = sequence;
    record.bytes = bytes;
    record.attempts = 0;
}

std::vector<WriteQueue::Taken> WriteQueue::take(SteadyTime now, std::size_t most) {
    const bool come_together = !fresh_.empty() && (fresh_.begin()->first <= now || hurried_);
    if (released_ == 0 && (come_together || fresh_.size() >= options_.max_batch))
        released_ = std::min(fresh_.size(), options_.max_batch);
    const bool tries_again = !backing_off_.empty() && backing_off_.begin()->first <= now;
    std::vector<Taken> taken;
    if (released_ > 0 && !(tries_again && fresh_had_their_turn_)) {
        fresh_had_their_turn_ = true;
        while (taken.size() < most && released_ > 0)
            taken.push_back(take_first(fresh_));
    } else if (tries_again) {
        fresh_had_their_turn_ = false;
        const auto part = most >> std::min(backing_off_.begin()->second->failures, 63u);
        while (taken.size() < std::max<std::size_t>(1, part) && !backing_off_.empty() &&
               backing_off_.begin()->first <= now)
            taken.push_back(take_first(backing_off_));
    }
    return taken;
}

WriteQueue::Taken WriteQueue::take_first(Order& order) {
    auto& record = *order.begin()->second;
    change_state(record, State::writing);
    record.again = false;
    return {record.value, record.sequence};
}

std::optional<SteadyTime> WriteQueue::next() const {
    std::optional<SteadyTime> due;
    if (!backing_off_.empty()) due = backing_off_.begin()->first;
    if (!fresh_.empty()) {
        const bool at_once = released_ > 0 || hurried_ || fresh_.size() >= options_.max_batch;
        const auto fresh = at_once ? SteadyTime::min() : fresh_.begin()->first;
        due = due ? std::min(*due, fresh) : fresh;
    }
    return due;
}

WriteQueue::Settled WriteQueue::settle(const Taken& taken, Answer answer, SteadyTime now, std::uint64_t random) {
    auto* record = record_of(taken.entry->ref());
    if (record == nullptr || record->state != State::writing) return Settled::written;
    const bool has_newer = record->sequence != taken.sequence;
    if (answer == Answer::written) {
        record->failures = 0;
        if (has_newer || record->again) {
            wait(*record, fresh_, hurried_ ? now : now + options_.delay);
        } else {
            finish(*record);
        }
        return Settled::written;
    }
    if (answer == Answer::refused && !has_newer && !hurried_) ++record->attempts;
    ++record->failures;
    if (options_.max_attempts != 0 && record->attempts >= options_.max_attempts) {
        finish(*record);
        return Settled::dropped;
    }
    wait(*record, backing_off_, now + pause_after(record->failures, random));
    return Settled::retried;
}

bool WriteQueue::landed_late(const Taken& taken) {
    auto* record = record_of(taken.entry->ref());
    if (record == nullptr || !record->value) return false;
    // Which of the two the source has got last is not known. A key that waits will be written later than both.
    if (record->state == State::writing && record->sequence != taken.sequence) record->again = true;
    return true;
}

void WriteQueue::forgotten(KeyRef key, std::uint64_t sequence) {
    auto* record = record_of(key);
    if (record == nullptr || record->state != State::forgetting || record->sequence != sequence) return;
    change_state(*record, State::idle);
    erase_if_idle(*record);
}

void WriteQueue::hurry(SteadyTime now) {
    hurried_ = true;
    for (auto& [due, record] : std::exchange(backing_off_, {})) {
        record->place = backing_off_.emplace(now, record);
    }
}

void WriteQueue::clear() {
    table_.clear();
    fresh_.clear();
    backing_off_.clear();
    released_ = pending_ = unwritten_ = bytes_ = 0;
}

EntryPtr WriteQueue::find(KeyRef key) const {
    const auto* record = record_of(key);
    return record != nullptr ? record->value : nullptr;
}

WriteQueue::Record* WriteQueue::record_of(KeyRef key) const {
    const auto place = table_.find(key);
    return place == table_.end() ? nullptr : place->second.get();
}

void WriteQueue::change_state(Record& record, State state) {
    if (record.state == State::waiting) {
        if (record.order == &fresh_ && released_ > 0) --released_;
        record.order->erase(record.place);
        record.order = nullptr;
    }
    const auto is_unwritten = [](State s) { return s == State::waiting || s == State::writing; };
    pending_ += (state != State::idle ? 1u : 0u);
    pending_ -= (record.state != State::idle ? 1u : 0u);
    unwritten_ += (is_unwritten(state) ? 1u : 0u);
    unwritten_ -= (is_unwritten(record.state) ? 1u : 0u);
    record.state = state;
}

void WriteQueue::wait(Record& record, Order& order, SteadyTime due) {
    change_state(record, State::waiting);
    record.order = &order;
    record.place = order.emplace(due, &record);
}

/// Nothing of this key is left to be written.
void WriteQueue::finish(Record& record) {
    record.value = nullptr;
    bytes_ -= record.bytes;
    record.bytes = 0;
    record.attempts = 0;
    record.failures = 0;
    change_state(record, options_.journalled ? State::forgetting : State::idle);
    erase_if_idle(record);
}

void WriteQueue::erase_if_idle(Record& record) {
    if (record.state != State::idle || record.holds != 0) return;
    const auto key = record.key; // which the table views
    table_.erase(key->ref());
}

/// Equal jitter: half of it is certain, half is chance.
nanoseconds WriteQueue::pause_after(std::uint32_t failures, std::uint64_t random) const {
    auto pause = options_.retry_min;
    for (std::uint32_t i = 1; i < failures && pause < options_.retry_max && !hurried_; ++i)
        pause = pause > options_.retry_max / 2 ? options_.retry_max : 2 * pause;
    const auto half = static_cast<std::uint64_t>(pause.count() / 2);
    return pause - nanoseconds(static_cast<std::int64_t>(half == 0 ? 0 : random % (half + 1)));
}

} // namespace tiercel::chain
