#include "binary_errors.hpp"

#include <system_error>

namespace tiercel::memcached {

Errc errc_of(memcached_return_t code, Phase phase) noexcept {
    switch (code) {
    case MEMCACHED_TIMEOUT:
    case MEMCACHED_IN_PROGRESS:
    case MEMCACHED_FETCH_NOTFINISHED:
        return Errc::timeout;
    case MEMCACHED_HOST_LOOKUP_FAILURE:
    case MEMCACHED_FAIL_UNIX_SOCKET:
    case MEMCACHED_NO_SERVERS:
    case MEMCACHED_SERVER_MARKED_DEAD:
    case MEMCACHED_SERVER_TEMPORARILY_DISABLED:
        return Errc::connection_failed;
    case MEMCACHED_CONNECTION_FAILURE:
    case MEMCACHED_ERRNO:
    case MEMCACHED_FAILURE:
    case MEMCACHED_SOME_ERRORS:
    case MEMCACHED_READ_FAILURE:
    case MEMCACHED_WRITE_FAILURE:
        return phase == Phase::connecting ? Errc::connection_failed : Errc::connection_lost;
    case MEMCACHED_E2BIG:
        return Errc::value_too_large;
    case MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE:
        return Errc::out_of_memory;
    case MEMCACHED_BAD_KEY_PROVIDED:
    case MEMCACHED_KEY_TOO_BIG:
        return Errc::invalid_key;
    case MEMCACHED_AUTH_PROBLEM:
    case MEMCACHED_AUTH_FAILURE:
    case MEMCACHED_AUTH_CONTINUE:
        return Errc::authentication_failed;
    case MEMCACHED_CLIENT_ERROR:
    case MEMCACHED_SERVER_ERROR:
        return Errc::server_error;
    default: // an answer that makes no sense for the request, or none of memcached's
        return Errc::protocol_error;
    }
}

std::string_view server_words(std::string_view message) noexcept {
    if (message.starts_with('(')) {
        const auto end = message.find(") ");
        if (end != message.npos) message.remove_prefix(end + 2);
    }
    constexpr std::string_view server_error = "SERVER ERROR, ";
    if (message.starts_with(server_error)) message.remove_prefix(server_error.size());
    return message.substr(0, message.find(",  host: "));
}

Error to_error(memcached_return_t code, Phase phase, std::string_view address, const memcached_st& client) {
    const auto text = [&](const std::string& what) { return "memcached " + std::string(address) + ": " + what; };
    const auto errc = errc_of(code, phase);
    const int system = memcached_last_error_errno(&client);
    switch (errc) {
    case Errc::timeout:
        return Error(errc, text("no answer in time"));
    case Errc::authentication_failed:
        return Error(errc, text("user name or password is wrong, or the server does not log in by SASL PLAIN (-S)"));
    case Errc::connection_failed:
        if (code == MEMCACHED_HOST_LOOKUP_FAILURE) return Error(errc, text("the host name is not known; correct it"));
        return Error(errc, text("cannot connect" + (system != 0 ? ": " + std::generic_category().message(system)
                                                                : std::string("; is the server running?"))));
    case Errc::connection_lost:
        return Error(errc, text("the connection broke before the answer" +
                                (system != 0 ? ": " + std::generic_category().message(system) : std::string())));
    case Errc::value_too_large:
        return Error(errc, text("the value is over the server's item limit, and the old value is gone; set "
                                "max_value_bytes below the server's -I, or raise that"));
    case Errc::out_of_memory:
        return Error(errc, text("the server has no memory for the value; raise its -m, or allow evictions"));
    case Errc::server_error: {
        const std::string words(server_words(memcached_last_error_message(&client)));
        if (words.starts_with("unauthenticated"))
            return Error(Errc::authentication_failed, text("the server asks for a login by other means than SASL"));
        return Error(errc, text("the server refused: " + words));
    }
    case Errc::protocol_error:
        return Error(errc, text("the answer is not memcached's binary protocol (" +
                                std::string(memcached_strerror(&client, code)) +
                                "); is it another kind of server, or a memcached without -S?"));
    default:
        return Error(errc, text(memcached_strerror(&client, code)));
    }
}

} // namespace tiercel::memcached
