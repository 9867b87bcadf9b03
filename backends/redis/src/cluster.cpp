#include "cluster.hpp"

#include "error_reply.hpp"
#include "redirection.hpp"
#include "transport/awaited_call.hpp"
#include "transport/in_parallel.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using transport::AwaitedCall;
using transport::in_parallel;

namespace {

/// Before a command that a node could not carry out is sent again: doubling from the first to the last.
constexpr milliseconds first_pause{5};
constexpr milliseconds last_pause{320};
/// More than fit before any deadline that somebody waits for.
constexpr std::size_t max_pauses = 64;

milliseconds pause(std::size_t earlier) {
    return std::min(last_pause, first_pause * (1 << std::min<std::size_t>(earlier, 8)));
}

bool is_failure_of_node(const Error& error) {
    return error == Errc::connection_failed || error == Errc::connection_lost || error == Errc::timeout;
}

BytesView asking() {
    static const Bytes command = [] {
        const std::array<BytesView, 1> words{"ASKING"};
        Commands commands;
        commands.add(words);
        return std::move(commands).take_bytes();
    }();
    return command;
}

} // namespace

/// Lives in the frame of run(), which ends after all that refers to it.
struct Cluster::Batch {
    const Commands& commands;
    const SteadyTime deadline;
    std::vector<Answer>& answers; // each is written by the one part that has its place

    void fail(const Places& places, const Error& why) const {
        for (const auto place : places)
            answers[place] = why;
    }
};

Cluster::Cluster(std::shared_ptr<spi::Runtime> runtime, std::vector<Address> seeds, const ClusterOptions& options)
    : Exchange(std::move(runtime), "redis cluster at " + seeds.front().label(), options.node),
      topology_(std::make_shared<Topology>(Exchange::runtime(), std::move(seeds), options)),
      max_redirections_(options.max_redirections) {}

asio::awaitable<std::vector<Answer>> Cluster::run(Commands commands, SteadyTime deadline) {
    std::vector<Answer> answers(commands.count(), Answer(Error()));
    Places places(commands.count());
    for (std::size_t i = 0; i < places.size(); ++i)
        places[i] = i;
    Batch batch{commands, deadline, answers};
    co_await send(batch, std::move(places), Patience());
    co_return answers;
}

asio::awaitable<void> Cluster::send(Batch& batch, Places places, Patience patience) {
    auto route = topology_->route(batch.commands, places);
    if (!route) {
        batch.fail(places, route.error());
        co_return;
    }
    if (SteadyTime::clock::now() >= batch.deadline) {
        batch.fail(places, timeout());
        co_return;
    }
    std::vector<asio::awaitable<void>> parts;
    parts.reserve(route->parts.size());
    for (auto& part : route->parts) {
        if (part.node) {
            parts.push_back(send_to(batch, std::move(part.node), std::move(part.places), Manner::plainly, patience));
        } else {
            parts.push_back(wait_for_owner(batch, std::move(part.places), route->generation, patience));
        }
    }
    co_await in_parallel(std::move(parts));
}

asio::awaitable<void> Cluster::send_to(Batch& batch, NodePtr node, Places places, Manner manner, Patience patience) {
    const std::size_t replies_each = manner == Manner::asking ? 2 : 1;
    Bytes request;
    std::size_t request_bytes = 0;
    for (const auto place : places)
        request_bytes += batch.commands.bytes(place).size();
    request.reserve(request_bytes + (replies_each - 1) * places.size() * asking().size());
    for (const auto place : places) {
        if (manner == Manner::asking) request += asking();
        request += batch.commands.bytes(place);
    }
    const boost::intrusive_ptr<AwaitedCall> call(
        new AwaitedCall(std::move(request), places.size() * replies_each, batch.deadline));
    co_await AwaitedCall::settle(shared_from_this(), node->connections, call);

    if (!call->replies.empty()) Topology::answered(*node);
    if (call->error && is_failure_of_node(*call->error)) topology_->failed(*node);

    // What is to be sent again, and whereto.
    std::map<std::pair<NodePtr, Manner>, Places> redirected;
    Places later;
    const auto resume_at = SteadyTime::clock::now() + pause(patience.pauses);
    const bool may_pause = patience.pauses < max_pauses && resume_at < batch.deadline;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto place = places[i];
        auto& answer = batch.answers[place];
        const std::size_t last = (i + 1) * replies_each;
        if (call->replies.size() < last) {
            answer = *call->error;
            continue;
        }
        Reply* reply = &call->replies[last - 1];
        if (manner == Manner::asking && call->replies[last - 2].kind == Reply::Kind::error) {
            reply = &call->replies[last - 2];
        }
        if (reply->kind != Reply::Kind::error) {
            answer = std::move(*reply);
            continue;
        }
        const auto redirection = parse_redirection(reply->text);
        if (!redirection) {
            answer = Error(redirection.error().code(), node->label + ": " + redirection.error().message());
        } else if (*redirection) {
            if (patience.redirections == max_redirections_) {
                answer = Error(Errc::moved, node->label + ": redirected " + std::to_string(max_redirections_) +
                                                " times; do the nodes agree on who owns the slot?");
                continue;
            }
            const auto to = topology_->redirected(**redirection, *node);
            if (!to) {
                answer = to.error();
                continue;
            }
            const auto how = (*redirection)->kind == Redirection::Kind::ask ? Manner::asking : Manner::plainly;
            redirected[{*to, how}].push_back(place);
        } else if (may_pause && (reply->text.starts_with("CLUSTERDOWN") ||
                                 (reply->text.starts_with("TRYAGAIN") && !batch.commands.has_several_keys(place)))) {
            later.push_back(place);
        } else {
            answer = to_error(reply->text, node->label);
        }
    }
    if (redirected.empty() && later.empty()) co_return;

    std::vector<asio::awaitable<void>> parts;
    parts.reserve(redirected.size() + 1);
    const Patience after_redirection{patience.redirections + 1, patience.pauses};
    for (auto& [to, those] : redirected)
        parts.push_back(send_to(batch, to.first, std::move(those), to.second, after_redirection));
    if (!later.empty()) {
        const auto masters = topology_->masters();
        if (masters) topology_->need(masters->generation);
        const Patience after_pause{patience.redirections, patience.pauses + 1};
        parts.push_back(send_later(batch, std::move(later), masters ? masters->generation : 0, resume_at, after_pause));
    }
    co_await in_parallel(std::move(parts));
}

asio::awaitable<void> Cluster::send_later(Batch& batch, Places places, std::uint64_t generation, SteadyTime when,
                                          Patience patience) {
    co_await Topology::wait(topology_, generation, when);
    co_await send(batch, std::move(places), patience);
}

asio::awaitable<void> Cluster::wait_for_owner(Batch& batch, Places places, std::uint64_t generation,
                                              Patience patience) {
    const auto waited = co_await another_map(generation, batch.deadline, patience);
    if (!waited) {
        batch.fail(places, waited.error());
        co_return;
    }
    co_await send(batch, std::move(places), patience);
}

/// Success: look again.
asio::awaitable<Result<void>> Cluster::another_map(std::uint64_t generation, SteadyTime deadline, Patience& patience) {
    const auto outlook = topology_->need(generation);
    const auto now = SteadyTime::clock::now();
    if (now >= deadline) co_return timeout();
    const bool may_pause = patience.pauses++ < max_pauses;
    if (outlook.changed && may_pause) co_return Result<void>();
    if (!outlook.known) {
        // As with a server that is down: while the back-off lasts, calls fail at once.
        if (!outlook.refreshing || !may_pause) {
            co_return outlook.failure.value_or(Error(Errc::not_ready, label() + ": its nodes are not known yet"));
        }
        co_await Topology::wait(topology_, generation, deadline);
        co_return Result<void>();
    }
    const auto resume_at = now + pause(patience.pauses - 1);
    if (!may_pause || resume_at >= deadline) {
        co_return Error(Errc::not_ready,
                        label() + ": no node serves a slot; see CLUSTER SLOTS, and give each slot to a node");
    }
    co_await Topology::wait(topology_, generation, resume_at);
    co_return Result<void>();
}

asio::awaitable<Result<std::vector<std::string>>> Cluster::servers(SteadyTime deadline) {
    Patience patience;
    for (;;) {
        const auto masters = topology_->masters();
        if (!masters) co_return masters.error();
        if (SteadyTime::clock::now() >= deadline) co_return timeout();
        if (masters->cover_all_slots) {
            std::vector<std::string> names;
            names.reserve(masters->nodes.size());
            for (const auto& node : masters->nodes)
                names.push_back(node.text());
            std::sort(names.begin(), names.end());
            co_return names;
        }
        const auto waited = co_await another_map(masters->generation, deadline, patience);
        if (!waited) co_return waited.error();
    }
}

asio::awaitable<Answer> Cluster::run_at(std::string server, Commands command, SteadyTime deadline) {
    const auto masters = topology_->masters();
    if (!masters) co_return masters.error();
    const auto address = parse_node_address(server);
    if (!address || !std::binary_search(masters->nodes.begin(), masters->nodes.end(), *address)) {
        co_return Error(Errc::moved, label() + ": a node that was to be asked is not among its masters any more; "
                                               "begin the scan again");
    }
    const auto node = topology_->node(*address);
    if (!node) co_return node.error();
    const boost::intrusive_ptr<AwaitedCall> call(new AwaitedCall(std::move(command).take_bytes(), 1, deadline));
    co_await AwaitedCall::settle(shared_from_this(), (*node)->connections, call);
    if (call->error) {
        if (is_failure_of_node(*call->error)) topology_->failed(**node);
        co_return *call->error;
    }
    Topology::answered(**node);
    Reply& reply = call->replies.front();
    if (reply.kind == Reply::Kind::error) co_return to_error(reply.text, (*node)->label);
    co_return std::move(reply);
}

Error Cluster::timeout() const {
    return Error(Errc::timeout, label() + ": the deadline passed before the request could be sent");
}

} // namespace tiercel::redis
