#include "replica_set.hpp"

#include "commands.hpp"
#include "strand_call.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using transport::Call;

namespace {

/// A long staleness is no reason to learn late of a replica that came up.
constexpr milliseconds longest_interval{1000};

Bytes question() {
    const std::array<BytesView, 2> words{"INFO", "replication"};
    Commands commands;
    commands.add(words);
    return std::move(commands).take_bytes();
}

Result<ReplicationInfo> info_of(const Call& call, const std::string& server) {
    if (call.error) return *call.error;
    return ReplicationInfo::parse(call.replies.front(), server);
}

} // namespace

void ReplicaPick::served() const {
    if (replica->on_trial.load(std::memory_order_relaxed)) set->served(*replica);
}

void ReplicaPick::failed() const {
    set->failed(*replica);
}

ReplicaSet::ReplicaSet(spi::Runtime& runtime, NodePtr master, Address replica, const Options& options, Named named)
    : strand_(asio::make_strand(runtime.executor())),
      runtime_(&runtime),
      master_(std::move(master)),
      replica_address_(std::move(replica)),
      options_(options),
      named_(named),
      answer_within_(std::min(options.replica_reads->max_staleness, options.connect_timeout)),
      history_(options.replica_reads->max_staleness),
      rounds_(std::min(options.replica_reads->max_staleness / 4, longest_interval), options.reconnect_delay_min,
              options.reconnect_delay_max),
      random_(runtime.random()) {}

void ReplicaSet::name(const std::vector<NodeAddress>& replicas) {
    const std::lock_guard lock(mutex_);
    name_locked(replicas);
}

void ReplicaSet::name_locked(const std::vector<NodeAddress>& replicas) {
    if (closed_) return;
    std::vector<std::shared_ptr<Replica>> named;
    for (const auto& address : replicas) {
        if (named.size() == ReplicationInfo::max_replicas) break;
        const auto is_it = [&](const auto& replica) { return replica->address == address; };
        if (std::any_of(named.begin(), named.end(), is_it)) continue;
        const auto known = std::find_if(replicas_.begin(), replicas_.end(), is_it);
        if (known != replicas_.end()) {
            named.push_back(*known);
            continue;
        }
        auto where = replica_address_;
        where.host = address.host;
        where.port = address.port;
        named.push_back(std::make_shared<Replica>(*runtime_, where, options_));
    }
    std::erase_if(leaving_, [](const auto& replica) { return replica.expired(); });
    for (const auto& replica : replicas_)
        if (std::find(named.begin(), named.end(), replica) == named.end()) leaving_.push_back(replica);
    replicas_ = std::move(named);
}

std::optional<ReplicaPick> ReplicaSet::pick(SteadyTime now) {
    std::optional<ReplicaPick> pick;
    bool is_due = false;
    auto urgency = Rounds::Urgency::none;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return std::nullopt;
        for (std::size_t i = 0; i < replicas_.size() && !pick; ++i) {
            const auto& replica = replicas_[turn_++ % replicas_.size()];
            const auto session = replica->session();
            if (replica->lag.is_readable(now, session)) pick = {shared_from_this(), replica, session};
            if (replica->lag.is_in_doubt(now, session)) urgency = Rounds::Urgency::proof_in_doubt;
        }
        is_due = rounds_.begin(now, urgency);
    }
    if (is_due) asio::post(strand_, [self = shared_from_this()] { self->begin_round(); });
    return pick;
}

void ReplicaSet::served(Replica& replica) {
    const std::lock_guard lock(mutex_);
    if (replica.lag.on_read()) replica.on_trial.store(false, std::memory_order_relaxed);
}

void ReplicaSet::failed(Replica& replica) {
    const std::lock_guard lock(mutex_);
    replica.on_trial.store(true, std::memory_order_relaxed);
    replica.lag.on_failed_read(SteadyTime::clock::now(), random_());
}

void ReplicaSet::close() noexcept {
    std::vector<std::shared_ptr<Replica>> all;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) return;
        all.swap(replicas_);
        for (const auto& replica : leaving_)
            if (auto still = replica.lock()) all.push_back(std::move(still));
    }
    for (const auto& replica : all)
        replica->connections.close();
}

void ReplicaSet::begin_round() {
    const auto asked_at = SteadyTime::clock::now();
    bool ask_master = false;
    {
        const std::lock_guard lock(mutex_);
        ask_master = rounds_.may_ask_master(asked_at);
        if (!ask_master) rounds_.end();
    }
    if (!ask_master) {
        ask_replicas();
        return;
    }
    const auto then = [asked_at](ReplicaSet& self, const Call& call) { self.on_master(asked_at, call); };
    master_->connections.next()->submit(
        strand_call(weak_from_this(), strand_, then, question(), 1, asked_at + answer_within_));
}

void ReplicaSet::on_master(SteadyTime asked_at, const Call& call) {
    const auto info = info_of(call, master_->label);
    {
        const std::lock_guard lock(mutex_);
        rounds_.end();
        if (!info) {
            rounds_.on_no_answer(SteadyTime::clock::now(), random_());
        } else {
            rounds_.on_answer();
            if (!info->is_master) {
                history_.forget();
                for (const auto& replica : replicas_)
                    replica->lag.on_no_master();
                return;
            }
            history_.on_answer(asked_at, info->place);
            if (named_ == Named::by_master) name_locked(info->replicas);
        }
    }
    // Also when there is no answer: what is proven may have gone with the master.
    ask_replicas();
}

void ReplicaSet::ask_replicas() {
    const auto now = SteadyTime::clock::now();
    std::vector<std::shared_ptr<Replica>> to_ask;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& replica : replicas_)
            if (replica->lag.begin_question(now)) to_ask.push_back(replica);
    }
    for (const auto& replica : to_ask) {
        // Weakly: its own connection has the call.
        const auto then = [asked = std::weak_ptr(replica), session = replica->session()](
                              ReplicaSet& self, const Call& call) { self.on_replica(asked, session, call); };
        replica->connections.next()->submit(
            strand_call(weak_from_this(), strand_, then, question(), 1, now + answer_within_));
    }
}

void ReplicaSet::on_replica(const std::weak_ptr<Replica>& asked, std::uint64_t session, const Call& call) {
    const auto replica = asked.lock();
    if (!replica) return;
    const auto info = info_of(call, replica->label);
    const std::lock_guard lock(mutex_);
    if (!info) {
        replica->on_trial.store(true, std::memory_order_relaxed);
        replica->lag.on_no_place(SteadyTime::clock::now(), random_());
        return;
    }
    const auto held_until = info->in_sync ? history_.held_until(info->place) : std::nullopt;
    replica->lag.on_place(SteadyTime::clock::now(), held_until, info->place, session);
}

} // namespace tiercel::redis
