#include "sentinels.hpp"

#include "commands.hpp"
#include "error_reply.hpp"
#include "sentinel_reply.hpp"
#include "strand_call.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;
using transport::Call;

namespace {

/// Of a reply of a sentinel: a few hundred bytes in fact.
constexpr std::size_t max_sentinel_reply_bytes = std::size_t{64} << 10;

Error sentinels_closed_error() {
    return Error(Errc::closed, "redis sentinels: the backend was closed");
}

Bytes question(const std::string& master_name) {
    const std::array<BytesView, 3> address{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_name};
    const std::array<BytesView, 3> details{"SENTINEL", "MASTER", master_name};
    Commands commands;
    commands.add(address);
    commands.add(details);
    return std::move(commands).take_bytes();
}

Bytes role_request() {
    const std::array<BytesView, 1> words{"ROLE"};
    Commands commands;
    commands.add(words);
    return std::move(commands).take_bytes();
}

Options for_sentinels(Options options) {
    options.connections = 1;
    options.max_reply_bytes = max_sentinel_reply_bytes;
    return options;
}

std::vector<NodePtr> nodes_of(spi::Runtime& runtime, const std::vector<Address>& addresses, const Options& options) {
    std::vector<NodePtr> nodes;
    nodes.reserve(addresses.size());
    for (const auto& address : addresses)
        nodes.push_back(std::make_shared<ServerNode>(runtime, address, for_sentinels(options)));
    return nodes;
}

NodeAddress where(const ServerNode& node) {
    return {node.address.host, node.address.port};
}

/// The error of a call that was to be answered within Options::connect_timeout.
Error failure_of(const Call& call, const ServerNode& node, std::string_view command) {
    if (*call.error != Errc::timeout) return *call.error;
    return Error(Errc::connection_failed,
                 node.label + ": no answer to " + std::string(command) + " within Options::connect_timeout");
}

} // namespace

Sentinels::Sentinels(spi::Runtime& runtime, const std::vector<Address>& sentinels, Address node,
                     const SentinelOptions& options)
    : strand_(asio::make_strand(runtime.executor())),
      runtime_(&runtime),
      node_address_(std::move(node)),
      options_(options),
      pause_(options.node.reconnect_delay_min),
      sentinels_(nodes_of(runtime, sentinels, options.node)),
      question_(question(options.master_name)),
      refresh_(options.node.reconnect_delay_min, options.node.reconnect_delay_max),
      random_(runtime.random()),
      has_news_(sentinels_.size(), false),
      news_timer_(strand_) {}

Result<Sentinels::Known> Sentinels::known() {
    Known known;
    bool to_be_verified = false;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return sentinels_closed_error();
        known = {.master = master_, .replicas = replicas_, .generation = refresh_.generation()};
        to_be_verified = master_ && (doubted_ || (!listening_ && refresh_.is_due(SteadyTime::clock::now())));
    }
    if (to_be_verified) request_search();
    return known;
}

void Sentinels::doubt() {
    {
        const std::lock_guard lock(mutex_);
        doubted_ = true; // for a later call to see to, if the back-off lasts
    }
    request_search();
}

Sentinels::Outlook Sentinels::need(std::uint64_t generation) {
    const bool searching = request_search();
    const std::lock_guard lock(mutex_);
    return {.changed = refresh_.generation() != generation || closed_,
            .searching = searching,
            .failure = refresh_.failure()};
}

asio::awaitable<void> Sentinels::wait(std::shared_ptr<Sentinels> self, std::uint64_t generation, SteadyTime until) {
    co_await asio::co_spawn(self->strand_, self->wait_here(generation, until), asio::use_awaitable);
}

asio::awaitable<void> Sentinels::wait_here(std::uint64_t generation, SteadyTime until) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || refresh_.generation() != generation) co_return;
    }
    co_await waiters_.wait(strand_, until);
}

bool Sentinels::is_closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
}

void Sentinels::close() noexcept {
    NodePtr master;
    std::shared_ptr<ReplicaSet> replicas;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) return;
        master = std::exchange(master_, nullptr);
        replicas = std::exchange(replicas_, nullptr);
    }
    if (master) master->connections.close();
    if (replicas) replicas->close();
    for (const auto& sentinel : sentinels_)
        sentinel->connections.close();
    asio::post(strand_, [self = shared_from_this()] {
        for (const auto& feed : self->feeds_)
            feed->close();
        self->candidate_.reset();
        self->search_.reset();
        self->news_timer_.cancel();
        self->waiters_.wake_all();
    });
}

bool Sentinels::request_search() {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return false;
        const auto beginning = refresh_.begin(SteadyTime::clock::now());
        if (beginning != RefreshState::Beginning::begun) return beginning == RefreshState::Beginning::running;
        doubted_ = false;
    }
    asio::post(strand_, [self = shared_from_this()] { self->begin_search(); });
    return true;
}

void Sentinels::begin_search() {
    if (feeds_.empty()) {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        for (std::size_t i = 0; i < sentinels_.size(); ++i) {
            auto told = [weak = weak_from_this(), i](SentinelFeed::Event event) {
                if (const auto self = weak.lock()) self->on_event(i, event);
            };
            feeds_.push_back(std::make_shared<SentinelFeed>(strand_, sentinels_[i]->address,
                                                            for_sentinels(options_.node), options_.master_name,
                                                            options_.ask_interval, random_(), std::move(told)));
            feeds_.back()->start();
        }
    }
    std::vector<MasterSearch::Voice> voices;
    for (std::size_t i = 0; i < sentinels_.size(); ++i) {
        const bool suspect = sentinels_[i]->suspect.load(std::memory_order_relaxed);
        voices.push_back(has_news_[i] ? MasterSearch::Voice::needed
                         : suspect    ? MasterSearch::Voice::doubtful
                                      : MasterSearch::Voice::awaited);
        has_news_[i] = false;
    }
    candidate_.reset();
    search_.emplace(voices);
    search_began_ = SteadyTime::clock::now();
    const auto id = ++search_id_;
    const auto latest = search_began_ + options_.node.connect_timeout;
    for (std::size_t i = 0; i < sentinels_.size(); ++i) {
        const auto then = [id, i](Sentinels& self, const Call& call) { self.on_answer(id, i, call); };
        sentinels_[i]->connections.next()->submit(strand_call(weak_from_this(), strand_, then, question_, 2, latest));
    }
}

void Sentinels::on_answer(std::uint64_t search, std::size_t sentinel, const Call& call) {
    auto& node = *sentinels_[sentinel];
    node.suspect.store(call.error.has_value(), std::memory_order_relaxed);
    if (search != search_id_ || !search_) return;
    search_->on_answer(sentinel, call.error ? failure_of(call, node, "SENTINEL")
                                            : parse_sentinel_answer(call.replies[0], call.replies[1], node.label));
    if (!candidate_) go_on();
}

void Sentinels::go_on() {
    if (search_->state() == MasterSearch::State::listening) return;
    if (search_->state() == MasterSearch::State::not_found) {
        give_up();
        return;
    }
    const auto& address = search_->candidate();
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        if (master_ && where(*master_) == address) {
            candidate_ = master_;
        } else {
            auto node = node_address_;
            node.host = address.host;
            node.port = address.port;
            candidate_ = std::make_shared<ServerNode>(*runtime_, node, options_.node);
        }
    }
    const auto then = [id = search_id_](Sentinels& self, const Call& call) { self.on_role(id, call); };
    const auto latest = SteadyTime::clock::now() + options_.node.connect_timeout;
    candidate_->connections.next()->submit(strand_call(weak_from_this(), strand_, then, role_request(), 1, latest));
}

void Sentinels::on_role(std::uint64_t search, const Call& call) {
    if (search != search_id_ || !search_ || !candidate_) return;
    const Result<void> role = call.error ? Result<void>(failure_of(call, *candidate_, "ROLE"))
                                         : parse_master_role(call.replies[0], candidate_->label);
    search_->on_role(role);
    if (role) {
        adopt();
        return;
    }
    candidate_.reset();
    go_on();
}

std::shared_ptr<ReplicaSet> Sentinels::replicas_of_locked(const NodePtr& master) {
    if (!options_.node.replica_reads) return nullptr;
    auto replica = node_address_;
    replica.role = ServerRole::any; // what it has to be is asked for with its place
    return std::make_shared<ReplicaSet>(*runtime_, master, std::move(replica), options_.node,
                                        ReplicaSet::Named::by_master);
}

void Sentinels::adopt() {
    NodePtr former;
    std::shared_ptr<ReplicaSet> former_replicas;
    bool changed = false;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        changed = master_ != candidate_;
        if (changed) {
            former = std::exchange(master_, candidate_);
            former_replicas = std::exchange(replicas_, replicas_of_locked(master_));
        }
        refresh_.succeeded(changed, SteadyTime::clock::now(), options_.ask_interval, random_());
    }
    candidate_.reset();
    search_.reset();
    if (former) former->connections.close();
    if (former_replicas) former_replicas->close();
    if (changed) waiters_.wake_all();
}

void Sentinels::give_up() {
    NodePtr deposed;
    std::shared_ptr<ReplicaSet> deposed_replicas;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        if (master_ && search_->deposes(where(*master_))) {
            deposed = std::exchange(master_, nullptr);
            deposed_replicas = std::exchange(replicas_, nullptr);
        }
        refresh_.failed(search_->failure(), SteadyTime::clock::now(), random_());
        if (!master_) refresh_.changed(); // news for those who wait for one
    }
    candidate_.reset();
    search_.reset();
    if (deposed) deposed->connections.close();
    if (deposed_replicas) deposed_replicas->close();
    waiters_.wake_all();
}

void Sentinels::on_event(std::size_t sentinel, SentinelFeed::Event event) {
    const auto up = std::count_if(feeds_.begin(), feeds_.end(), [](const auto& feed) { return feed->is_up(); });
    {
        const std::lock_guard lock(mutex_);
        listening_ = static_cast<std::size_t>(up) > sentinels_.size() / 2;
    }
    if (event == SentinelFeed::Event::down) return;
    has_news_[sentinel] = true;
    // Subscriptions come up together and after a search: one more is enough for all of them.
    const bool urgent = event == SentinelFeed::Event::switched;
    const auto not_before = urgent ? no_hurry_before_ : std::max(no_hurry_before_, search_began_ + pause_);
    if (SteadyTime::clock::now() >= not_before) {
        hurry();
    } else if (!std::exchange(hurry_awaited_, true)) {
        news_timer_.expires_at(not_before);
        news_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            self->hurry_awaited_ = false;
            if (!error) self->hurry();
        });
    }
}

void Sentinels::hurry() {
    no_hurry_before_ = SteadyTime::clock::now() + pause_;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        refresh_.begin_at_once(); // or anew
    }
    begin_search();
}

} // namespace tiercel::redis
