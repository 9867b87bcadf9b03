#include "meta_backend.hpp"

#include "meta_errors.hpp"

#include <optional>
#include <string>
#include <utility>

namespace tiercel::memcached {

namespace asio = boost::asio;
using spi::CallContext;
using spi::Conditional;
using spi::Lookup;
using spi::PutItem;
using std::chrono::milliseconds;
using PoolPtr = std::shared_ptr<Pool>;
using Kind = Operation::Kind;

namespace {

/// Marks the version of an item in the gutter, which no owner's item has: owners count from 1.
constexpr std::uint64_t gutter_mark = std::uint64_t{1} << 63;

Result<void> check_key(BytesView key) {
    if (is_possible_key(key)) return {};
    return Error(Errc::invalid_key,
                 "memcached: a key is 1 to 250 characters of printable ASCII without space, or up to "
                 "186 bytes of any kind; hash it");
}

Result<void> check_ttl(std::optional<milliseconds> ttl) {
    if (!ttl || *ttl > milliseconds::zero()) return {};
    return Error(Errc::invalid_option, "memcached: a ttl must be positive; erase the key instead");
}

Result<void> check_item(const PutItem& item, std::size_t max_value_bytes) {
    if (auto valid = check_key(item.key); !valid) return valid;
    if (auto valid = check_ttl(item.ttl); !valid) return valid;
    if (item.value.size() <= max_value_bytes) return {};
    return Error(Errc::value_too_large, "memcached: a value of " + std::to_string(item.value.size()) +
                                            " bytes is over max_value_bytes, " + std::to_string(max_value_bytes) +
                                            "; raise it together with the server's -I");
}

bool is_status(const Reply& reply, std::string_view text) {
    return reply.kind == Reply::Kind::status && reply.text == text;
}

Lookup to_lookup(Answer& answer, const std::string& label) {
    if (!answer.reply) return answer.reply.error();
    auto& reply = *answer.reply;
    // Somebody has invalidated what is marked stale.
    if (reply.kind == Reply::Kind::nil || reply.stale) return std::optional<spi::Found>();
    if (reply.kind != Reply::Kind::bulk) return unexpected(label);
    const auto version = static_cast<std::uint64_t>(reply.integer) | (answer.from_gutter ? gutter_mark : 0);
    spi::Found found{.value = std::move(reply.text), .version = spi::Version{version}, .remaining_ttl = {}};
    if (reply.ttl >= 0) found.remaining_ttl = std::chrono::seconds(reply.ttl);
    return std::optional<spi::Found>(std::move(found));
}

Result<void> to_outcome(const Answer& answer, const std::string& label) {
    if (!answer.reply) return answer.reply.error();
    return is_status(*answer.reply, "HD") ? Result<void>() : unexpected(label);
}

/// True where something was there.
Result<bool> to_presence(const Answer& answer, const std::string& label) {
    if (!answer.reply) return answer.reply.error();
    if (answer.reply->kind == Reply::Kind::nil) return false;
    return is_status(*answer.reply, "HD") ? Result<bool>(true) : unexpected(label);
}

Result<Conditional> to_conditional(const Answer& answer, const std::string& label) {
    if (!answer.reply) return answer.reply.error();
    const auto& reply = *answer.reply;
    if (is_status(reply, "HD")) return Conditional::stored;
    if (is_status(reply, "NS") || is_status(reply, "EX")) return Conditional::conflict;
    if (reply.kind == Reply::Kind::nil) return Conditional::absent;
    return unexpected(label);
}

/// The operations of a batch that can be sent, and what the others come to.
template <class Out>
struct Prepared {
    std::vector<Operation> operations;
    std::vector<std::size_t> places; // of the operations in the batch
    std::vector<Out> results;

    explicit Prepared(std::size_t size) {
        operations.reserve(size);
        places.reserve(size);
        results.reserve(size);
    }
    void add(const Operation& operation, const Result<void>& valid) {
        if (valid) {
            operations.push_back(operation);
            places.push_back(results.size());
            results.emplace_back(Error());
        } else {
            results.emplace_back(valid.error());
        }
    }
};

template <class Out, class Convert>
asio::awaitable<std::vector<Out>> carry_out(PoolPtr pool, Prepared<Out> prepared, CallContext call, Convert convert) {
    if (!prepared.operations.empty()) {
        auto answers = co_await pool->run(prepared.operations, call.deadline);
        for (std::size_t i = 0; i < answers.size(); ++i)
            prepared.results[prepared.places[i]] = convert(answers[i], pool->label_of(prepared.operations[i].key));
    }
    co_return std::move(prepared.results);
}

asio::awaitable<Result<Conditional>> carry_out_if(PoolPtr pool, Operation operation, Result<void> valid,
                                                  CallContext call) {
    if (!valid) co_return valid.error();
    const auto answers = co_await pool->run(std::span(&operation, 1), call.deadline);
    co_return to_conditional(answers.front(), pool->label_of(operation.key));
}

asio::awaitable<Result<Conditional>> conflict() {
    co_return Conditional::conflict;
}

asio::awaitable<Result<void>> do_ping(PoolPtr pool, CallContext call) {
    co_return co_await pool->ping(call.deadline);
}

Operation storing(Kind kind, const PutItem& item, std::uint64_t version = 0) {
    return {.kind = kind, .key = item.key, .value = item.value, .ttl = item.ttl, .version = version};
}

} // namespace

spi::Capabilities MetaBackend::capabilities() const noexcept {
    // Keys of other bytes would do, but core's own form of them is the one that is stored already.
    return {.max_key_bytes = max_key_bytes,
            .binary_keys = false,
            .max_value_bytes = max_value_bytes_,
            .conditional_writes = true,
            .reads_ttl = true};
}

asio::awaitable<std::vector<Lookup>> MetaBackend::get_many(std::span<const BytesView> keys, CallContext call) {
    Prepared<Lookup> prepared(keys.size());
    for (const auto key : keys)
        prepared.add({.kind = Kind::get, .key = key}, check_key(key));
    return carry_out(pool_, std::move(prepared), call, to_lookup);
}

asio::awaitable<std::vector<Result<void>>> MetaBackend::put_many(std::span<const PutItem> items, CallContext call) {
    Prepared<Result<void>> prepared(items.size());
    for (const auto& item : items)
        prepared.add(storing(Kind::set, item), check_item(item, max_value_bytes_));
    return carry_out(pool_, std::move(prepared), call, to_outcome);
}

asio::awaitable<std::vector<Result<bool>>> MetaBackend::erase_many(std::span<const BytesView> keys, CallContext call) {
    Prepared<Result<bool>> prepared(keys.size());
    for (const auto key : keys)
        prepared.add({.kind = Kind::erase, .key = key}, check_key(key));
    return carry_out(pool_, std::move(prepared), call, to_presence);
}

asio::awaitable<std::vector<Result<bool>>> MetaBackend::touch_many(std::span<const BytesView> keys, milliseconds ttl,
                                                                   CallContext call) {
    Prepared<Result<bool>> prepared(keys.size());
    const auto valid_ttl = check_ttl(ttl);
    for (const auto key : keys)
        prepared.add({.kind = Kind::touch, .key = key, .ttl = ttl}, valid_ttl ? check_key(key) : valid_ttl);
    return carry_out(pool_, std::move(prepared), call, to_presence);
}

asio::awaitable<Result<Conditional>> MetaBackend::put_if_absent(PutItem item, CallContext call) {
    return carry_out_if(pool_, storing(Kind::add, item), check_item(item, max_value_bytes_), call);
}

asio::awaitable<Result<Conditional>> MetaBackend::put_if_version(PutItem item, spi::Version expected,
                                                                 CallContext call) {
    const auto version = static_cast<std::uint64_t>(expected);
    const auto valid = check_item(item, max_value_bytes_);
    // memcached gives no item the number 0, and takes it for no condition; and what is in the gutter is no state of the
    // owner's.
    if (valid && (version == 0 || (version & gutter_mark) != 0)) return conflict();
    return carry_out_if(pool_, storing(Kind::cas, item, version), valid, call);
}

asio::awaitable<Result<void>> MetaBackend::ping(CallContext call) {
    return do_ping(pool_, call);
}

} // namespace tiercel::memcached
