#include "topology.hpp"

#include "commands.hpp"
#include "error_reply.hpp"
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

namespace {

/// Nodes of the map that a refresh asks at most, before it turns to the seeds.
constexpr std::size_t max_known_asked = 8;

Error cluster_closed_error() {
    return Error(Errc::closed, "redis cluster: the backend was closed");
}

Bytes slots_request() {
    const std::array<BytesView, 2> words{"CLUSTER", "SLOTS"};
    Commands commands;
    commands.add(words);
    return std::move(commands).take_bytes();
}

} // namespace

Topology::Topology(spi::Runtime& runtime, std::vector<Address> seeds, const ClusterOptions& options)
    : strand_(asio::make_strand(runtime.executor())),
      runtime_(&runtime),
      seeds_(std::move(seeds)),
      node_options_(options.node),
      refresh_interval_(options.refresh_interval),
      refresh_(options.node.reconnect_delay_min, options.node.reconnect_delay_max),
      random_(runtime.random()) {}

Result<Topology::Route> Topology::route(const Commands& commands, const Places& places) {
    Route route;
    bool too_old = false;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return cluster_closed_error();
        auto parts = split_by_owner(map_, commands, places);
        route.parts.reserve(parts.size());
        for (auto& part : parts) {
            auto node = part.node ? node_locked(map_.nodes()[*part.node]) : nullptr;
            route.parts.push_back({std::move(node), std::move(part.places)});
        }
        route.generation = refresh_.generation();
        too_old = !map_.is_empty() && refresh_.is_due(std::chrono::steady_clock::now());
    }
    if (too_old) request_refresh();
    return route;
}

std::vector<ReplicaPart> Topology::at_replicas(std::span<const Slot> slots, const Places& places, SteadyTime now) {
    std::map<std::shared_ptr<ReplicaSet>, Places> of_sets;
    bool too_old = false;
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || replica_sets_.empty()) return {};
        for (const auto place : places) {
            const auto owner = map_.owner(slots[place]);
            if (!owner) continue;
            const auto found = replica_sets_.find(map_.nodes()[*owner]);
            if (found != replica_sets_.end()) of_sets[found->second].push_back(place);
        }
        too_old = refresh_.is_due(now);
    }
    if (too_old) request_refresh();
    std::vector<ReplicaPart> parts;
    for (auto& [set, those] : of_sets)
        if (auto pick = set->pick(now)) parts.push_back({std::move(*pick), std::move(those)});
    return parts;
}

Result<Topology::Masters> Topology::masters() {
    const std::lock_guard lock(mutex_);
    if (closed_) return cluster_closed_error();
    return Masters{.nodes = map_.masters(), .cover_all_slots = map_.covers_all(), .generation = refresh_.generation()};
}

Result<NodePtr> Topology::node(const NodeAddress& address) {
    const std::lock_guard lock(mutex_);
    if (closed_) return cluster_closed_error();
    if (auto found = node_locked(address)) return found;
    return Error(Errc::protocol_error, address_of(address).label() + ": the cluster names more nodes than any has");
}

Result<NodePtr> Topology::redirected(const Redirection& redirection, const ServerNode& asked) {
    auto to = redirection.to;
    if (to.host.empty()) to.host = asked.address.host;
    if (redirection.kind == Redirection::Kind::moved) {
        {
            const std::lock_guard lock(mutex_);
            map_.move(redirection.slot, to);
        }
        request_refresh();
    }
    return node(to);
}

void Topology::failed(ServerNode& node) {
    node.suspect.store(true, std::memory_order_relaxed);
    request_refresh();
}

void Topology::answered(ServerNode& node) noexcept {
    if (node.suspect.load(std::memory_order_relaxed)) node.suspect.store(false, std::memory_order_relaxed);
}

Topology::Outlook Topology::need(std::uint64_t generation) {
    const bool refreshing = request_refresh();
    const std::lock_guard lock(mutex_);
    return {.changed = refresh_.generation() != generation || closed_,
            .refreshing = refreshing,
            .known = !map_.is_empty(),
            .failure = refresh_.failure()};
}

asio::awaitable<void> Topology::wait(std::shared_ptr<Topology> self, std::uint64_t generation, SteadyTime until) {
    co_await asio::co_spawn(self->strand_, self->wait_here(generation, until), asio::use_awaitable);
}

asio::awaitable<void> Topology::wait_here(std::uint64_t generation, SteadyTime until) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || refresh_.generation() != generation) co_return;
    }
    co_await waiters_.wait(strand_, until);
}

void Topology::close() noexcept {
    std::map<NodeAddress, NodePtr> nodes;
    std::map<NodeAddress, std::shared_ptr<ReplicaSet>> replica_sets;
    std::vector<NodePtr> all;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) return;
        nodes.swap(nodes_);
        replica_sets.swap(replica_sets_);
        for (const auto& node : leaving_)
            if (auto still = node.lock()) all.push_back(std::move(still));
    }
    for (const auto& [address, node] : nodes)
        node->connections.close();
    for (const auto& node : all)
        node->connections.close();
    for (const auto& [master, replicas] : replica_sets)
        replicas->close();
    asio::post(strand_, [self = shared_from_this()] { self->waiters_.wake_all(); });
}

Address Topology::address_of(const NodeAddress& node) const {
    Address address = seeds_.front(); // as whom to log in
    address.host = node.host;
    address.port = node.port;
    return address;
}

NodePtr Topology::node_locked(const NodeAddress& address) {
    const auto found = nodes_.find(address);
    if (found != nodes_.end()) return found->second;
    if (nodes_.size() >= SlotMap::max_nodes + seeds_.size()) return nullptr;
    auto node = std::make_shared<ServerNode>(*runtime_, address_of(address), node_options_);
    nodes_.emplace(address, node);
    return node;
}

bool Topology::request_refresh() {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return false;
        const auto beginning = refresh_.begin(std::chrono::steady_clock::now());
        if (beginning != RefreshState::Beginning::begun) return beginning == RefreshState::Beginning::running;
    }
    asio::post(strand_, [self = shared_from_this()] { self->begin_refresh(); });
    return true;
}

void Topology::begin_refresh() {
    std::vector<NodeAddress> healthy;
    std::vector<NodeAddress> suspects;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        for (const auto& address : map_.nodes()) {
            const auto found = nodes_.find(address);
            const bool suspect = found != nodes_.end() && found->second->suspect.load(std::memory_order_relaxed);
            (suspect ? suspects : healthy).push_back(address);
        }
        std::shuffle(healthy.begin(), healthy.end(), random_);
        std::shuffle(suspects.begin(), suspects.end(), random_);
        candidates_ = std::move(healthy);
        candidates_.insert(candidates_.end(), suspects.begin(), suspects.end());
        if (candidates_.size() > max_known_asked) candidates_.resize(max_known_asked);
        const auto known = static_cast<std::ptrdiff_t>(candidates_.size());
        for (const auto& seed : seeds_) {
            NodeAddress address{seed.host, seed.port};
            if (std::find(candidates_.begin(), candidates_.end(), address) == candidates_.end()) {
                candidates_.push_back(std::move(address));
            }
        }
        std::shuffle(candidates_.begin() + known, candidates_.end(), random_);
    }
    std::reverse(candidates_.begin(), candidates_.end());
    ask_next();
}

void Topology::ask_next() {
    if (candidates_.empty()) {
        give_up();
        return;
    }
    auto found = node(candidates_.back());
    candidates_.pop_back();
    if (!found) { // closed, or no room: none of the others would do better
        last_answer_ = found.error();
        give_up();
        return;
    }
    asked_ = std::move(*found);
    const auto latest = std::chrono::steady_clock::now() + node_options_.connect_timeout;
    const auto then = [](Topology& self, const transport::Call& call) { self.on_slots(call); };
    asked_->connections.next()->submit(strand_call(weak_from_this(), strand_, then, slots_request(), 1, latest));
}

void Topology::on_slots(const transport::Call& call) {
    if (!asked_) return; // closed meanwhile
    auto map = [&]() -> Result<SlotMap> {
        if (call.error && *call.error == Errc::timeout) {
            return Error(Errc::connection_failed,
                         asked_->label + ": no answer to CLUSTER SLOTS within Options::connect_timeout");
        }
        if (call.error) return *call.error;
        const Reply& reply = call.replies.front();
        if (reply.kind == Reply::Kind::error) return to_error(reply.text, asked_->label);
        auto parsed = SlotMap::parse(reply, asked_->address.host);
        if (!parsed) return Error(parsed.error().code(), asked_->label + ": " + parsed.error().message());
        return parsed;
    }();
    if (map) {
        answered(*asked_);
        adopt(std::move(*map));
        return;
    }
    asked_->suspect.store(true, std::memory_order_relaxed);
    last_answer_ = map.error();
    ask_next();
}

void Topology::adopt(SlotMap map) {
    std::vector<NodePtr> gone; // may be the last to have them
    std::map<NodeAddress, std::shared_ptr<ReplicaSet>> gone_replicas;
    bool changed = false;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        changed = !map_.has_same_owners(map);
        map_ = std::move(map);
        std::erase_if(leaving_, [](const auto& node) { return node.expired(); });
        std::erase_if(nodes_, [&](const auto& entry) {
            if (map_.names(entry.first)) return false;
            leaving_.push_back(entry.second);
            gone.push_back(entry.second);
            return true;
        });
        if (node_options_.replica_reads) gone_replicas = name_replicas_locked();
        refresh_.succeeded(changed, std::chrono::steady_clock::now(), refresh_interval_, random_());
    }
    for (const auto& [master, replicas] : gone_replicas)
        replicas->close();
    asked_.reset();
    candidates_.clear();
    if (changed) waiters_.wake_all();
}

std::map<NodeAddress, std::shared_ptr<ReplicaSet>> Topology::name_replicas_locked() {
    std::map<NodeAddress, std::shared_ptr<ReplicaSet>> named;
    for (const auto& address : map_.masters()) {
        const auto replicas = map_.replicas_of(address);
        const auto master = replicas.empty() ? nullptr : node_locked(address);
        if (!master) continue;
        const auto known = replica_sets_.find(address);
        auto set = known != replica_sets_.end() && known->second->master() == master ? known->second : nullptr;
        if (!set) {
            auto replica = address_of(address);
            replica.role = ServerRole::cluster_replica;
            set = std::make_shared<ReplicaSet>(*runtime_, master, std::move(replica), node_options_,
                                               ReplicaSet::Named::by_caller);
        }
        set->name(replicas);
        if (known != replica_sets_.end() && known->second == set) replica_sets_.erase(known);
        named.emplace(address, std::move(set));
    }
    replica_sets_.swap(named);
    return named; // those that have lost their place
}

void Topology::give_up() {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        refresh_.failed(std::move(*last_answer_), std::chrono::steady_clock::now(), random_());
        if (map_.is_empty()) refresh_.changed(); // news for those who wait for a first one
    }
    last_answer_.reset();
    asked_.reset();
    waiters_.wake_all();
}

} // namespace tiercel::redis
