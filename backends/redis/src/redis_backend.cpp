#include "redis_backend.hpp"

#include "awaited_call.hpp"
#include "commands.hpp"
#include "error_reply.hpp"
#include "stored_value.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;
using spi::CallContext;
using spi::Conditional;
using spi::Lookup;
using spi::PutItem;
using std::chrono::milliseconds;
using ServerPtr = std::shared_ptr<RedisBackend::Server>;

namespace {

/// Keys of one MGET. Some, so that the server serves others in between.
constexpr std::size_t keys_per_mget = 512;
/// A batch of writes goes out in parts of about this, each after the replies to the one before.
constexpr std::size_t max_batch_bytes = std::size_t{4} << 20;
constexpr std::string_view keys_per_scan = "512";
/// Far enough for anybody, and far from where the server's arithmetic overflows: 31,700 years.
constexpr milliseconds longest_ttl{1'000'000'000'000'000};
/// More than any write has beside its key and its value.
constexpr std::size_t write_overhead = 256;

/// KEYS[1]; ARGV: the version that must still be there, the new stored value, its life in milliseconds or "".
constexpr std::string_view put_if_version_script =
    "local there = redis.call('GETRANGE', KEYS[1], -8, -1) "
    "if there == ARGV[1] then "
    "if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) "
    "else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end "
    "return 1 end "
    "if there == '' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end "
    "return -1";

using FinishedCall = boost::intrusive_ptr<AwaitedCall>;

/// The connection whose turn it is; owns the whole server.
std::shared_ptr<Connection> next_connection(const ServerPtr& server) {
    const auto turn = server->next.fetch_add(1, std::memory_order_relaxed) % server->connections.size();
    return {server, server->connections[turn].get()};
}

/// The reply to one command of a finished call, errors made typed.
Result<Reply*> reply_of(AwaitedCall& call, std::size_t index, const RedisBackend::Server& server) {
    if (index >= call.replies.size()) return *call.error;
    Reply& reply = call.replies[index];
    if (reply.kind == Reply::Kind::error) return to_error(reply.text, server.label);
    return &reply;
}

Error unexpected(const RedisBackend::Server& server) {
    return Error(Errc::protocol_error,
                 server.label + ": a reply of another kind than the command has; is a proxy in between?");
}

Error bad_ttl(const RedisBackend::Server& server) {
    return Error(Errc::invalid_option, server.label + ": a TTL is zero or negative; erase the key instead");
}

Result<void> check(const PutItem& item, const RedisBackend::Server& server) {
    if (item.ttl && *item.ttl <= milliseconds::zero()) return bad_ttl(server);
    if (item.value.size() > server.max_value_bytes) {
        return Error(Errc::value_too_large, server.label + ": a value of " + std::to_string(item.value.size()) +
                                                " bytes is over the limit of " +
                                                std::to_string(server.max_value_bytes) +
                                                "; raise Options::max_reply_bytes");
    }
    return {};
}

/// A command of this size is to go into the next part of the batch.
bool is_full(const Commands& commands, std::size_t payload_bytes, const RedisBackend::Server& server) {
    return commands.count() > 0 && commands.bytes().size() + payload_bytes + write_overhead > server.batch_bytes;
}

std::string ttl_text(milliseconds ttl) {
    return std::to_string(std::min(ttl, longest_ttl).count());
}

/// SET, with NX if `condition` is that.
void add_set(Commands& commands, const PutItem& item, BytesView stored, BytesView condition) {
    std::array<BytesView, 6> words{"SET", item.key, stored};
    std::size_t count = 3;
    std::string ttl;
    if (item.ttl) {
        ttl = ttl_text(*item.ttl);
        words[count++] = "PX";
        words[count++] = ttl;
    }
    if (!condition.empty()) words[count++] = condition;
    commands.add(std::span(words).first(count));
}

Lookup to_lookup(Reply& element, const RedisBackend::Server& server) {
    switch (element.kind) {
    case Reply::Kind::nil:
        return std::optional<spi::Found>();
    case Reply::Kind::bulk: {
        auto found = decode_stored(std::move(element.text));
        if (!found) {
            return Error(Errc::corrupt, server.label + ": the value was not written by this library; give the cache a "
                                                       "key prefix that nobody else uses");
        }
        return found;
    }
    case Reply::Kind::error:
        return to_error(element.text, server.label);
    default:
        return unexpected(server);
    }
}

asio::awaitable<std::vector<Lookup>> do_get_many(ServerPtr server, std::span<const BytesView> keys, CallContext call) {
    std::vector<Lookup> lookups;
    if (keys.empty()) co_return lookups;
    lookups.reserve(keys.size());
    Commands commands;
    std::vector<BytesView> words;
    for (auto rest = keys; !rest.empty();) {
        const auto part = rest.first(std::min(rest.size(), keys_per_mget));
        rest = rest.subspan(part.size());
        words.assign(1, "MGET");
        words.insert(words.end(), part.begin(), part.end());
        commands.add(words);
    }
    const FinishedCall done = co_await AwaitedCall::run(next_connection(server), std::move(commands), call.deadline);

    for (std::size_t i = 0; lookups.size() < keys.size(); ++i) {
        const auto part = std::min(keys.size() - lookups.size(), keys_per_mget);
        const auto reply = reply_of(*done, i, *server);
        if (!reply) {
            lookups.insert(lookups.end(), part, Lookup(reply.error()));
        } else if ((*reply)->kind != Reply::Kind::array || (*reply)->elements.size() != part) {
            lookups.insert(lookups.end(), part, Lookup(unexpected(*server)));
        } else {
            for (auto& element : (*reply)->elements)
                lookups.push_back(to_lookup(element, *server));
        }
    }
    if (keys.size() == 1) co_return lookups;
    // The bound is on a reply: what did not fit beside its neighbours may fit alone.
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (lookups[i] || lookups[i].error() != Errc::value_too_large) continue;
        auto alone = co_await do_get_many(server, keys.subspan(i, 1), call);
        lookups[i] = std::move(alone.front());
    }
    co_return lookups;
}

asio::awaitable<std::vector<Result<void>>> do_put_many(ServerPtr server, std::span<const PutItem> items,
                                                       CallContext call) {
    std::vector<Result<void>> results;
    results.reserve(items.size());
    Bytes stored;
    while (results.size() < items.size()) {
        // Items that cannot be sent have their result at once; `sent` are the places of the others.
        Commands commands;
        std::vector<std::size_t> sent;
        while (results.size() < items.size()) {
            const auto& item = items[results.size()];
            auto checked = check(item, *server);
            if (checked) {
                if (is_full(commands, item.key.size() + item.value.size(), *server)) break;
                encode_stored(item.value, server->new_version(), stored);
                add_set(commands, item, stored, {});
                sent.push_back(results.size());
            }
            results.push_back(std::move(checked));
        }
        if (sent.empty()) continue;
        const FinishedCall done =
            co_await AwaitedCall::run(next_connection(server), std::move(commands), call.deadline);
        for (std::size_t i = 0; i < sent.size(); ++i) {
            const auto reply = reply_of(*done, i, *server);
            if (!reply) {
                results[sent[i]] = reply.error();
            } else if ((*reply)->kind != Reply::Kind::status) {
                results[sent[i]] = unexpected(*server);
            }
        }
    }
    co_return results;
}

/// One command per key, each answered with whether the key was there.
asio::awaitable<std::vector<Result<bool>>> do_each(ServerPtr server, BytesView command, std::span<const BytesView> keys,
                                                   std::string argument, CallContext call) {
    std::vector<Result<bool>> results;
    results.reserve(keys.size());
    const std::size_t words = argument.empty() ? 2 : 3;
    while (results.size() < keys.size()) {
        Commands commands;
        while (results.size() + commands.count() < keys.size()) {
            const auto key = keys[results.size() + commands.count()];
            if (is_full(commands, key.size(), *server)) break;
            const std::array<BytesView, 3> line{command, key, argument};
            commands.add(std::span(line).first(words));
        }
        const std::size_t count = commands.count();
        const FinishedCall done =
            co_await AwaitedCall::run(next_connection(server), std::move(commands), call.deadline);
        for (std::size_t i = 0; i < count; ++i) {
            const auto reply = reply_of(*done, i, *server);
            if (!reply) {
                results.emplace_back(reply.error());
            } else if ((*reply)->kind != Reply::Kind::integer) {
                results.emplace_back(unexpected(*server));
            } else {
                results.emplace_back((*reply)->integer > 0);
            }
        }
    }
    co_return results;
}

asio::awaitable<std::vector<Result<bool>>> refuse_ttl(ServerPtr server, std::size_t keys) {
    co_return std::vector<Result<bool>>(keys, Result<bool>(bad_ttl(*server)));
}

asio::awaitable<Result<Conditional>> do_put_if_absent(ServerPtr server, PutItem item, CallContext call) {
    if (auto checked = check(item, *server); !checked) co_return checked.error();
    Bytes stored;
    encode_stored(item.value, server->new_version(), stored);
    Commands commands;
    add_set(commands, item, stored, "NX");
    const FinishedCall done = co_await AwaitedCall::run(next_connection(server), std::move(commands), call.deadline);
    const auto reply = reply_of(*done, 0, *server);
    if (!reply) co_return reply.error();
    if ((*reply)->kind == Reply::Kind::status) co_return Conditional::stored;
    if ((*reply)->kind == Reply::Kind::nil) co_return Conditional::conflict;
    co_return unexpected(*server);
}

asio::awaitable<Result<Conditional>> do_put_if_version(ServerPtr server, PutItem item, spi::Version expected,
                                                       CallContext call) {
    if (auto checked = check(item, *server); !checked) co_return checked.error();
    Bytes stored;
    encode_stored(item.value, server->new_version(), stored);
    const auto version = encode_version(expected);
    const std::string ttl = item.ttl ? ttl_text(*item.ttl) : std::string();
    const std::array<BytesView, 7> words{
        "EVAL", put_if_version_script, "1", item.key, BytesView(version.data(), version.size()), stored, ttl};
    Commands commands;
    commands.add(words);
    const FinishedCall done = co_await AwaitedCall::run(next_connection(server), std::move(commands), call.deadline);
    const auto reply = reply_of(*done, 0, *server);
    if (!reply) co_return reply.error();
    if ((*reply)->kind != Reply::Kind::integer) co_return unexpected(*server);
    switch ((*reply)->integer) {
    case 1:
        co_return Conditional::stored;
    case 0:
        co_return Conditional::absent;
    default:
        co_return Conditional::conflict;
    }
}

asio::awaitable<Result<void>> do_ping(ServerPtr server, CallContext call) {
    const std::array<BytesView, 1> words{"PING"};
    Commands commands;
    commands.add(words);
    const FinishedCall done = co_await AwaitedCall::run(next_connection(server), std::move(commands), call.deadline);
    const auto reply = reply_of(*done, 0, *server);
    if (!reply) co_return reply.error();
    if ((*reply)->kind != Reply::Kind::status) co_return unexpected(*server);
    co_return Result<void>();
}

asio::awaitable<Result<spi::ScanPage>> do_scan(ServerPtr server, BytesView prefix, std::string cursor,
                                               CallContext call) {
    if (cursor.empty()) cursor = "0";
    const auto glob = glob_of_prefix(prefix);
    const std::array<BytesView, 6> words{"SCAN", cursor, "MATCH", glob, "COUNT", keys_per_scan};
    Commands commands;
    commands.add(words);
    const FinishedCall done = co_await AwaitedCall::run(next_connection(server), std::move(commands), call.deadline);
    const auto reply = reply_of(*done, 0, *server);
    if (!reply) co_return reply.error();
    auto& parts = (*reply)->elements;
    if (parts.size() != 2 || parts[0].kind != Reply::Kind::bulk || parts[1].kind != Reply::Kind::array) {
        co_return unexpected(*server);
    }
    spi::ScanPage page;
    if (parts[0].text != "0") page.cursor = std::move(parts[0].text);
    page.keys.reserve(parts[1].elements.size());
    for (auto& key : parts[1].elements) {
        if (key.kind == Reply::Kind::error) co_return to_error(key.text, server->label);
        if (key.kind != Reply::Kind::bulk) co_return unexpected(*server);
        page.keys.push_back(std::move(key.text));
    }
    co_return page;
}

} // namespace

Bytes glob_of_prefix(BytesView prefix) {
    constexpr std::string_view special = "*?[]\\^-";
    Bytes glob;
    glob.reserve(prefix.size() + 1);
    for (const char c : prefix) {
        if (special.find(c) != std::string_view::npos) glob += '\\';
        glob += c;
    }
    glob += '*';
    return glob;
}

RedisBackend::RedisBackend(std::shared_ptr<spi::Runtime> runtime, const Address& address, const Options& options)
    : server_(std::make_shared<Server>()) {
    server_->label = address.label();
    server_->max_value_bytes = options.max_reply_bytes - write_overhead;
    server_->batch_bytes = std::min(max_batch_bytes, options.max_pending_bytes);
    for (std::size_t i = 0; i < options.connections; ++i) {
        server_->connections.push_back(std::make_shared<Connection>(*runtime, address, options));
    }
    server_->runtime = std::move(runtime);
}

RedisBackend::~RedisBackend() {
    RedisBackend::close();
}

spi::Capabilities RedisBackend::capabilities() const noexcept {
    return {.max_key_bytes = std::size_t{512} << 20,
            .binary_keys = true,
            .max_value_bytes = server_->max_value_bytes,
            .conditional_writes = true,
            .scans = true};
}

asio::awaitable<std::vector<Lookup>> RedisBackend::get_many(std::span<const BytesView> keys, CallContext call) {
    return do_get_many(server_, keys, call);
}

asio::awaitable<std::vector<Result<void>>> RedisBackend::put_many(std::span<const PutItem> items, CallContext call) {
    return do_put_many(server_, items, call);
}

asio::awaitable<std::vector<Result<bool>>> RedisBackend::erase_many(std::span<const BytesView> keys, CallContext call) {
    return do_each(server_, "UNLINK", keys, {}, call);
}

asio::awaitable<std::vector<Result<bool>>> RedisBackend::touch_many(std::span<const BytesView> keys, milliseconds ttl,
                                                                    CallContext call) {
    // PEXPIRE with a life of nothing would erase.
    if (ttl <= milliseconds::zero()) return refuse_ttl(server_, keys.size());
    return do_each(server_, "PEXPIRE", keys, ttl_text(ttl), call);
}

asio::awaitable<Result<Conditional>> RedisBackend::put_if_absent(PutItem item, CallContext call) {
    return do_put_if_absent(server_, item, call);
}

asio::awaitable<Result<Conditional>> RedisBackend::put_if_version(PutItem item, spi::Version expected,
                                                                  CallContext call) {
    return do_put_if_version(server_, item, expected, call);
}

asio::awaitable<Result<void>> RedisBackend::ping(CallContext call) {
    return do_ping(server_, call);
}

asio::awaitable<Result<spi::ScanPage>> RedisBackend::scan(BytesView prefix, std::string cursor, CallContext call) {
    return do_scan(server_, prefix, std::move(cursor), call);
}

void RedisBackend::close() noexcept {
    for (const auto& connection : server_->connections)
        connection->close();
}

} // namespace tiercel::redis
