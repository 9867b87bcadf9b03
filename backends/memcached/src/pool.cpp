#include "pool.hpp"

#include "expiration.hpp"
#include "meta_errors.hpp"
#include "transport/awaited_call.hpp"
#include "transport/in_parallel.hpp"

#include <algorithm>
#include <utility>

namespace tiercel::memcached {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using transport::AwaitedCall;

namespace {

/// A batch goes to a server in parts of at most this, each after the replies to the one before.
constexpr std::size_t max_batch_bytes = std::size_t{4} << 20;
constexpr std::size_t max_batch_operations = 4096;

std::time_t expiration_from_now(std::optional<milliseconds> ttl) {
    return ttl ? expiration(ttl, std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now())) : 0;
}

/// Only the owner can say what a conditional write is to say.
bool is_conditional(Operation::Kind kind) {
    return kind == Operation::Kind::add || kind == Operation::Kind::cas;
}

} // namespace

/// Lives in the frame of run(), which ends after all that refers to it.
struct Pool::Batch {
    const std::span<const Operation> operations;
    const SteadyTime deadline;
    std::vector<Answer>& answers; // each is written by the one part that has its place
};

Pool::Pool(std::shared_ptr<spi::Runtime> runtime, ServerGroup owners, std::optional<ServerGroup> gutter,
           milliseconds gutter_ttl, std::size_t max_pending_bytes)
    : runtime_(std::move(runtime)),
      owners_(std::move(owners)),
      gutter_(std::move(gutter)),
      gutter_ttl_(gutter_ttl),
      batch_bytes_(std::min(max_batch_bytes, max_pending_bytes)),
      next_tag_(static_cast<std::uint32_t>(runtime_->random())) {}

asio::awaitable<std::vector<Answer>> Pool::run(std::span<const Operation> operations, SteadyTime deadline) {
    std::vector<Answer> answers(operations.size());
    Batch batch{operations, deadline, answers};
    Places all(operations.size());
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i] = i;
    auto split_places = split(owners_, batch, all);
    std::vector<asio::awaitable<void>> parts;
    for (std::size_t i = 0; i < split_places.size(); ++i) {
        if (!split_places[i].empty()) parts.push_back(serve(batch, owners_.servers[i], std::move(split_places[i])));
    }
    co_await transport::in_parallel(std::move(parts));
    co_return answers;
}

std::vector<Pool::Places> Pool::split(const ServerGroup& group, const Batch& batch, const Places& places) {
    std::vector<Places> parts(group.servers.size());
    for (const auto place : places)
        parts[group.ring.server_of(batch.operations[place].key)].push_back(place);
    return parts;
}

asio::awaitable<void> Pool::serve(Batch& batch, PoolServerPtr server, Places places) {
    if (!gutter_) {
        co_await exchange(batch, std::move(server), std::move(places), false);
        co_return;
    }
    auto why = server->why_dead(SteadyTime::clock::now());
    if (why) {
        co_await divert(batch, std::move(places), std::move(*why));
        co_return;
    }
    co_await exchange(batch, server, places, false);
    // What never reached the server may still be done elsewhere.
    std::erase_if(places, [&](std::size_t place) {
        const auto& reply = batch.answers[place].reply;
        return reply || reply.error() != Errc::connection_failed;
    });
    if (places.empty()) co_return;
    why = server->why_dead(SteadyTime::clock::now());
    if (why) co_await divert(batch, std::move(places), std::move(*why));
}

asio::awaitable<void> Pool::divert(Batch& batch, Places places, Error why) {
    Places sent;
    for (const auto place : places) {
        if (is_conditional(batch.operations[place].kind)) {
            batch.answers[place].reply = why;
        } else {
            sent.push_back(place);
        }
    }
    auto split_places = split(*gutter_, batch, sent);
    std::vector<asio::awaitable<void>> parts;
    for (std::size_t i = 0; i < split_places.size(); ++i) {
        if (!split_places[i].empty()) {
            parts.push_back(exchange(batch, gutter_->servers[i], std::move(split_places[i]), true));
        }
    }
    co_await transport::in_parallel(std::move(parts));
    for (const auto place : sent) {
        auto& answer = batch.answers[place];
        answer.from_gutter = true;
        // The owner may come back with the value that is to be gone.
        if (batch.operations[place].kind == Operation::Kind::erase) answer.reply = why;
    }
}

asio::awaitable<void> Pool::exchange(Batch& batch, PoolServerPtr server, Places places, bool is_gutter) {
    for (std::size_t begin = 0, end = 0; begin < places.size(); begin = end) {
        std::size_t bytes = 0;
        for (; end < places.size() && end - begin < max_batch_operations; ++end) {
            const auto more = request_bytes(batch.operations[places[end]]);
            if (end > begin && bytes + more > batch_bytes_) break;
            bytes += more;
        }
        Bytes request;
        request.reserve(bytes);
        const std::size_t count = end - begin;
        const auto first_tag = take_tags(count);
        for (std::size_t i = 0; i < count; ++i) {
            const auto& operation = batch.operations[places[begin + i]];
            auto ttl = operation.ttl;
            if (is_gutter) ttl = std::min(ttl.value_or(gutter_ttl_), gutter_ttl_);
            append_request(request, operation, expiration_from_now(ttl), first_tag + static_cast<std::uint32_t>(i));
        }
        const boost::intrusive_ptr<AwaitedCall> call(
            new AwaitedCall(std::move(request), count, batch.deadline, first_tag));
        co_await AwaitedCall::settle(shared_from_this(), server->connections, call);

        server->note(call->replies.empty() ? call->error : std::nullopt, SteadyTime::clock::now());
        for (std::size_t i = 0; i < count; ++i) {
            auto& answer = batch.answers[places[begin + i]].reply;
            if (i >= call->replies.size()) {
                answer = *call->error;
            } else if (call->replies[i].kind == Reply::Kind::error) {
                answer = to_error(call->replies[i].text, server->label);
            } else {
                answer = std::move(call->replies[i]);
            }
        }
    }
}

std::uint32_t Pool::take_tags(std::size_t count) noexcept {
    constexpr std::uint32_t half = std::uint32_t{1} << 31; // so that none of a call's is 0
    return 1 + next_tag_.fetch_add(static_cast<std::uint32_t>(count), std::memory_order_relaxed) % half;
}

asio::awaitable<Result<void>> Pool::ping(SteadyTime deadline) {
    Result<void> answered;
    for (std::size_t i = 0; i < owners_.servers.size(); ++i) {
        const auto now = SteadyTime::clock::now();
        const auto left = static_cast<std::chrono::nanoseconds::rep>(owners_.servers.size() - i);
        const boost::intrusive_ptr<AwaitedCall> call(
            new AwaitedCall(Bytes("mn\r\n"), 1, now + (deadline - now) / left));
        co_await AwaitedCall::settle(shared_from_this(), owners_.servers[i]->connections, call);
        if (call->error) {
            answered = *call->error;
            continue;
        }
        const auto& reply = call->replies.front();
        if (reply.kind == Reply::Kind::error) {
            answered = to_error(reply.text, owners_.servers[i]->label);
            continue;
        }
        if (reply.text != "MN") co_return unexpected(owners_.servers[i]->label);
        co_return Result<void>();
    }
    co_return answered;
}

void Pool::close() noexcept {
    for (const auto& server : owners_.servers)
        server->connections.close();
    if (!gutter_) return;
    for (const auto& server : gutter_->servers)
        server->connections.close();
}

} // namespace tiercel::memcached
