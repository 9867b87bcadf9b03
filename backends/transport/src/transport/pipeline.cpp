#include "transport/pipeline.hpp"

#include "transport/write_buffer.hpp"

#include <algorithm>
#include <utility>

namespace tiercel::transport {

Pipeline::~Pipeline() {
    by_deadline_.clear();
    waiting_.clear_and_dispose([](Call* call) { call->held.reset(); });
}

void Pipeline::add(CallPtr call, SteadyTime now) {
    Call& added = *call;
    added.stage = Call::Stage::waiting;
    waiting_.push_back(added);
    by_deadline_.insert(by_deadline_.end(), added); // deadlines mostly grow
    added.held = std::move(call);
    if (added.deadline <= now) finish(added, timeout_of(added));
}

void Pipeline::take(Bytes& out, std::size_t max_bytes, SteadyTime now) {
    while (!waiting_.empty()) {
        Call& call = waiting_.front();
        if (call.deadline <= now) {
            finish(call, timeout_of(call));
            continue;
        }
        if (!out.empty() && call.bytes > max_bytes - std::min(out.size(), max_bytes)) return;
        if (in_flight_.empty()) last_progress_ = last_use_ = now;
        in_flight_.push_back({call.held, call.commands});
        waiting_.pop_front();
        call.held.reset();
        call.stage = Call::Stage::in_flight;
        if (out.empty() && call.bytes > std::min(out.capacity(), copied_bytes)) {
            out.swap(call.request);
        } else {
            out.append(call.request);
        }
        Bytes().swap(call.request); // assignment would keep the room
    }
}

Result<void> Pipeline::on_reply(Reply reply) {
    if (in_flight_.empty()) {
        return Error(Errc::protocol_error,
                     label_ + ": a reply came that nobody asked for; check the host and the port");
    }
    Slot& slot = in_flight_.front();
    if (!names_request(reply, slot)) {
        return Error(Errc::protocol_error,
                     label_ +
                         ": a reply came that names another request than the one it was for; is a proxy in between?");
    }
    const bool wanted = slot.call->stage == Call::Stage::in_flight;
    if (wanted) {
        slot.call->replies.push_back(std::move(reply));
        last_use_ = last_progress_;
    }
    if (--slot.replies_left > 0) return {};
    const CallPtr call = std::move(slot.call);
    in_flight_.pop_front();
    admission_.leave(call->bytes);
    if (wanted) finish(*call, std::nullopt);
    return {};
}

bool Pipeline::names_request(const Reply& reply, const Slot& slot) noexcept {
    if (slot.call->first_tag == 0) return true;
    // Of a request that the server does not even understand it does not repeat the tag.
    if (reply.kind == Reply::Kind::error && reply.tag == 0) return true;
    return reply.tag == slot.call->first_tag + static_cast<std::uint32_t>(slot.call->commands - slot.replies_left);
}

void Pipeline::cancel(Call& call) {
    if (call.stage != Call::Stage::waiting && call.stage != Call::Stage::in_flight) return;
    finish(call, Error(Errc::cancelled, label_ + ": the caller has given up"));
}

void Pipeline::expire(SteadyTime now) {
    while (!by_deadline_.empty() && by_deadline_.begin()->deadline <= now) {
        Call& call = *by_deadline_.begin();
        finish(call, timeout_of(call));
    }
}

SteadyTime Pipeline::silent_at() const noexcept {
    if (in_flight_.empty()) return SteadyTime::max();
    const bool is_awaited = in_flight_.front().call->stage == Call::Stage::in_flight;
    return (is_awaited ? last_progress_ : std::min(last_progress_, last_use_)) + max_silence_;
}

bool Pipeline::is_silent(SteadyTime now) const noexcept {
    return now >= silent_at();
}

std::optional<SteadyTime> Pipeline::next_event() const noexcept {
    auto next = silent_at();
    if (!by_deadline_.empty()) next = std::min(next, by_deadline_.begin()->deadline);
    if (next == SteadyTime::max()) return std::nullopt;
    return next;
}

void Pipeline::fail_waiting(const Error& why) {
    while (!waiting_.empty())
        finish(waiting_.front(), why);
}

void Pipeline::fail_in_flight(const Error& why) {
    std::deque<Slot> lost;
    lost.swap(in_flight_);
    for (auto& slot : lost) {
        admission_.leave(slot.call->bytes);
        if (slot.call->stage == Call::Stage::in_flight) finish(*slot.call, why);
    }
}

void Pipeline::finish(Call& call, std::optional<Error> error) noexcept {
    CallPtr kept; // so that the caller's thread is not the one that sees the call's end while we are at it
    by_deadline_.erase(by_deadline_.iterator_to(call));
    if (call.stage == Call::Stage::waiting) {
        waiting_.erase(waiting_.iterator_to(call));
        admission_.leave(call.bytes);
        Bytes().swap(call.request);
        kept = std::move(call.held);
    }
    call.stage = Call::Stage::done;
    call.error = std::move(error);
    if (settled_) {
        settled_->emplace_back(&call);
    } else {
        call.done();
    }
}

Error Pipeline::timeout_of(const Call& call) const {
    return Error(Errc::timeout,
                 label_ + (call.stage == Call::Stage::waiting ? ": the deadline passed before the request could be sent"
                                                              : ": the deadline passed before the reply came"));
}

} // namespace tiercel::transport
