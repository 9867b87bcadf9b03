#include "meta_errors.hpp"

#include "meta_reader.hpp"

#include <algorithm>
#include <string>

namespace tiercel::memcached {

Error to_error(std::string_view line, std::string_view server) {
    const auto made = [&](Errc code, const std::string& text) {
        return Error(code, std::string(server) + ": " + text);
    };
    if (line.starts_with(too_large_prefix)) {
        return made(Errc::value_too_large, "the value there is over Options::max_value_bytes; raise that");
    }
    if (line == "ERROR") {
        return made(Errc::protocol_error, "it does not know memcached's meta commands; is it another kind of server? "
                                          "It has to be memcached 1.6.18 or later");
    }
    auto words = line.substr(std::min(line.find(' ') + 1, line.size()));
    if (line.starts_with("CLIENT_ERROR unauthenticated")) {
        return made(Errc::authentication_failed,
                    "the server asks for a login, which the text protocol's client does not do; use "
                    "tiercel::memcached::connect_sasl with a server that runs with -S");
    }
    if (words.starts_with("object too large for cache")) {
        return made(Errc::value_too_large, "the value is over the server's item limit, and the old value is gone; set "
                                           "Options::max_value_bytes below the server's -I, or raise that");
    }
    if (words.starts_with("out of memory")) {
        return made(Errc::out_of_memory, "the server has no memory for it; raise its -m, or allow evictions");
    }
    std::string shown(words.substr(0, 160));
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return made(Errc::server_error, "the server refused: " + shown);
}

Error unexpected(std::string_view server) {
    return Error(Errc::protocol_error, std::string(server) +
                                           ": an answer of another kind than the request has; is it another kind of "
                                           "server? Or is a proxy in between?");
}

} // namespace tiercel::memcached
