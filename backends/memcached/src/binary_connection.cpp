#include "binary_connection.hpp"

#include "server_list.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace tiercel::memcached {

namespace {

/// The most bytes of keys asked for at once: they fit into the socket's buffers, so that sending them to a server that
/// has stopped reading fails once, at reading the answer, and not once for every key.
constexpr std::size_t max_request_bytes = std::size_t{32} * 1024;

/// Allowed over max_value_bytes in one allocation, for what libmemcached keeps beside the value.
constexpr std::size_t allocation_margin = std::size_t{64} * 1024;

std::uint64_t milliseconds_left(SteadyTime deadline, std::chrono::milliseconds most) {
    const auto now = std::chrono::steady_clock::now();
    if (deadline <= now) return 0;
    if (deadline - now >= most) return static_cast<std::uint64_t>(most.count());
    return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count());
}

} // namespace

BinaryConnection::BinaryConnection(std::string address, const SaslOptions& options)
    : address_(std::move(address)),
      username_(options.username),
      password_(options.password),
      connect_timeout_(options.connect_timeout),
      request_timeout_(options.request_timeout),
      max_allocation_(options.max_value_bytes + allocation_margin),
      client_(memcached_create(nullptr)) {}

BinaryConnection::~BinaryConnection() {
    if (!client_) return;
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_POLL_TIMEOUT, 1); // "quit" waits for nobody
    if (!answer_freed_) memcached_result_free(&answer_.result);
}

Result<std::unique_ptr<BinaryConnection>> BinaryConnection::open(const Server& server, const SaslOptions& options,
                                                                 SteadyTime deadline) {
    std::unique_ptr<BinaryConnection> connection(new BinaryConnection(address(server), options));
    const auto greeted = connection->greet(server, deadline);
    if (!greeted) return greeted.error();
    return connection;
}

Result<void> BinaryConnection::greet(const Server& server, SteadyTime deadline) {
    if (!client_) return Error(Errc::out_of_memory, "memcached " + address_ + ": no memory for a connection");
    auto* const client = client_.get();
    memcached_set_memory_allocators(client, allocate, release, reallocate, allocate_zeroed, this);
    memcached_result_create(client, &answer_.result);
    const auto added = add_server(*client, server);
    if (!added) return added.error();
    memcached_behavior_set(client, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
    if (memcached_set_sasl_auth_data(client, username_.c_str(), password_.c_str()) != MEMCACHED_SUCCESS) {
        return Error(Errc::invalid_option,
                     "memcached::SaslOptions::username and password cannot be used; are they longer "
                     "than any server takes?");
    }
    memcached_behavior_set(client, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    memcached_behavior_set(client, MEMCACHED_BEHAVIOR_TCP_KEEPALIVE, 1);
    memcached_behavior_set(client, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
    memcached_behavior_set(client, MEMCACHED_BEHAVIOR_VERIFY_KEY, 1);

    const auto patience = milliseconds_left(deadline, connect_timeout_);
    if (patience == 0) return Error(Errc::timeout, "memcached " + address_ + ": the deadline was over before the call");
    memcached_behavior_set(client, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, patience);
    memcached_behavior_set(client, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, patience);
    if (memcached_version(client) != MEMCACHED_SUCCESS) {
        const auto reason = memcached_last_error(client); // none is noted for an answer like "ERROR"
        return to_error(reason == MEMCACHED_SUCCESS ? MEMCACHED_PROTOCOL_ERROR : reason, Phase::connecting, address_,
                        *client);
    }
    // libmemcached takes any answer of its protocol for success; only "VERSION ..." sets this.
    if (memcached_server_major_version(memcached_server_instance_by_position(client, 0)) == UINT8_MAX)
        return to_error(MEMCACHED_PROTOCOL_ERROR, Phase::connecting, address_, *client);
    return {};
}

Result<void> BinaryConnection::await_until(SteadyTime deadline) {
    const auto patience = milliseconds_left(deadline, request_timeout_);
    if (patience == 0) return Error(Errc::timeout, "memcached " + address_ + ": no answer by the call's deadline");
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_POLL_TIMEOUT, patience);
    return {};
}

Error BinaryConnection::broken(memcached_return_t code) {
    return broken(to_error(code, Phase::talking, address_, *client_));
}

Error BinaryConnection::broken(Error error) {
    usable_ = false;
    return error;
}

Result<void> BinaryConnection::get_many(std::span<const BytesView> keys, std::span<std::optional<spi::Found>> found,
                                        SteadyTime deadline) {
    for (std::size_t begin = 0; begin < keys.size();) {
        std::size_t end = begin;
        for (std::size_t bytes = 0; end < keys.size() && (end == begin || bytes + keys[end].size() < max_request_bytes);
             ++end)
            bytes += keys[end].size() + 1;
        auto fetched = get_chunk(keys.subspan(begin, end - begin), found.subspan(begin, end - begin), deadline);
        if (!fetched) return fetched;
        begin = end;
    }
    return {};
}

Result<void> BinaryConnection::get_chunk(std::span<const BytesView> keys, std::span<std::optional<spi::Found>> found,
                                         SteadyTime deadline) {
    if (auto in_time = await_until(deadline); !in_time) return in_time;

    boost::unordered_flat_map<BytesView, std::size_t> places;
    std::vector<const char*> starts;
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        places.emplace(keys[i], i);
        starts.push_back(keys[i].data());
        sizes.push_back(keys[i].size());
    }
    auto* const client = client_.get();
    auto code = memcached_mget(client, starts.data(), sizes.data(), sizes.size());
    if (code != MEMCACHED_SUCCESS) return broken(code);

    const auto* const server = memcached_server_instance_by_position(client, 0);
    // memcached_fetch_result turns every failure into "not found" while it has counted no result, so that a server
    // which hangs or answers with an error looks as if it had nothing. With one result counted beforehand the codes
    // come through as they are, and only MEMCACHED_END is the answer's proper end.
    answer_.result.count = 1;
    for (;;) {
        if (auto in_time = await_until(deadline); !in_time) return broken(in_time.error());
        if (memcached_server_response_count(server) == 0) return broken(MEMCACHED_CONNECTION_FAILURE);
        const auto* const result = memcached_fetch_result(client, &answer_.result, &code);
        if (result == nullptr) break;
        const BytesView key(memcached_result_key_value(result), memcached_result_key_length(result));
        const auto place = places.find(key);
        const auto length = memcached_result_length(result);
        if (place == places.end() || found[place->second] || length > max_allocation_)
            return broken(MEMCACHED_PROTOCOL_ERROR);
        const char* const value = memcached_result_value(result); // null for an empty value
        found[place->second] = spi::Found{.value = value != nullptr ? Bytes(value, length) : Bytes(),
                                          .version = spi::Version{memcached_result_cas(result)},
                                          .remaining_ttl = {}};
    }
    if (code != MEMCACHED_END) return broken(code);
    return {};
}

Error BinaryConnection::not_written(memcached_return_t code) {
    // The server's word for having no memory comes as that for having none here; a write needs none to speak of.
    return broken(code == MEMCACHED_MEMORY_ALLOCATION_FAILURE ? MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE : code);
}

Result<void> BinaryConnection::set(const spi::PutItem& item, std::time_t expiration, SteadyTime deadline) {
    if (auto in_time = await_until(deadline); !in_time) return in_time;
    const auto code = memcached_set(client_.get(), item.key.data(), item.key.size(), item.value.data(),
                                    item.value.size(), expiration, 0);
    if (code == MEMCACHED_SUCCESS) return {};
    return not_written(code);
}

Result<spi::Conditional> BinaryConnection::add(const spi::PutItem& item, std::time_t expiration, SteadyTime deadline) {
    if (const auto in_time = await_until(deadline); !in_time) return in_time.error();
    const auto code = memcached_add(client_.get(), item.key.data(), item.key.size(), item.value.data(),
                                    item.value.size(), expiration, 0);
    if (code == MEMCACHED_SUCCESS) return spi::Conditional::stored;
    if (code == MEMCACHED_NOTSTORED || code == MEMCACHED_DATA_EXISTS) return spi::Conditional::conflict;
    return not_written(code);
}

Result<spi::Conditional> BinaryConnection::cas(const spi::PutItem& item, std::time_t expiration, spi::Version expected,
                                               SteadyTime deadline) {
    if (const auto in_time = await_until(deadline); !in_time) return in_time.error();
    const auto code = memcached_cas(client_.get(), item.key.data(), item.key.size(), item.value.data(),
                                    item.value.size(), expiration, 0, static_cast<std::uint64_t>(expected));
    if (code == MEMCACHED_SUCCESS) return spi::Conditional::stored;
    if (code == MEMCACHED_DATA_EXISTS) return spi::Conditional::conflict;
    if (code == MEMCACHED_NOTFOUND) return spi::Conditional::absent;
    return not_written(code);
}

Result<bool> BinaryConnection::erase(BytesView key, SteadyTime deadline) {
    if (const auto in_time = await_until(deadline); !in_time) return in_time.error();
    const auto code = memcached_delete(client_.get(), key.data(), key.size(), 0);
    if (code == MEMCACHED_SUCCESS) return true;
    if (code == MEMCACHED_NOTFOUND) return false;
    return broken(code);
}

Result<bool> BinaryConnection::touch(BytesView key, std::time_t expiration, SteadyTime deadline) {
    if (const auto in_time = await_until(deadline); !in_time) return in_time.error();
    const auto code = memcached_touch(client_.get(), key.data(), key.size(), expiration);
    if (code == MEMCACHED_SUCCESS) return true;
    if (code == MEMCACHED_NOTFOUND) return false;
    return broken(code);
}

void* BinaryConnection::allocate(const memcached_st*, std::size_t bytes, void* self) {
    return bytes > static_cast<BinaryConnection*>(self)->max_allocation_ ? nullptr : std::malloc(bytes);
}

void* BinaryConnection::reallocate(const memcached_st*, void* memory, std::size_t bytes, void* self) {
    return bytes > static_cast<BinaryConnection*>(self)->max_allocation_ ? nullptr : std::realloc(memory, bytes);
}

void* BinaryConnection::allocate_zeroed(const memcached_st*, std::size_t count, std::size_t bytes, void* self) {
    const auto most = static_cast<BinaryConnection*>(self)->max_allocation_;
    const auto each = std::max<std::size_t>(bytes, 1); // of no bytes at all, some libraries give null
    return count > most / each ? nullptr : std::calloc(count, each);
}

void BinaryConnection::release(const memcached_st*, void* memory, void* self) {
    auto& connection = *static_cast<BinaryConnection*>(self);
    if (memory == &connection.answer_.result) {
        // The bit that says that the result is on the heap stands behind `item_key`, and was overrun.
        connection.answer_freed_ = true;
    } else {
        std::free(memory);
    }
}

} // namespace tiercel::memcached
