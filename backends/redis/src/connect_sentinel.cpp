#include "connection_setup.hpp"
#include "sentinel_server.hpp"

#include <string>
#include <utility>
#include <vector>

namespace tiercel::redis {

namespace {

using std::chrono::milliseconds;

Error bad_sentinel_option(std::string_view what) {
    return Error(Errc::invalid_option, "redis::SentinelOptions::" + std::string(what));
}

Result<void> check_sentinel(const SentinelOptions& options) {
    if (options.master_name.empty() || !is_printable_word(options.master_name)) {
        return bad_sentinel_option("master_name is empty, or holds a space or what is not printable ASCII; give the "
                                   "name in the sentinels' `sentinel monitor`");
    }
    if (options.database > INT32_MAX) return bad_sentinel_option("database is over 2147483647");
    if (options.ask_interval < milliseconds(10) || options.ask_interval > std::chrono::hours(24)) {
        return bad_sentinel_option("ask_interval is not from 10 ms to a day");
    }
    if (!options.encrypted && !(options.node.tls == TlsOptions())) {
        return bad_sentinel_option("node.tls is given, but `encrypted` is not set, and nothing would be encrypted");
    }
    return {};
}

/// How a server is spoken to that the sentinels name.
Result<Address> address_of_master(const SentinelOptions& options) {
    Address node;
    node.database = options.database;
    node.encrypted = options.encrypted;
    node.role = ServerRole::master;
    if (auto completed = complete_log_in(node, options.node); !completed) return completed.error();
    if (auto prepared = prepare_tls(node, options.node.tls, "redis::SentinelOptions::node.tls"); !prepared) {
        return prepared.error();
    }
    return node;
}

Result<std::vector<Address>> addresses_of_sentinels(const std::vector<std::string>& urls, const TlsOptions& tls) {
    const auto bad = [](std::string_view what) {
        return Error(Errc::invalid_option, "the sentinels " + std::string(what));
    };
    if (urls.empty() || urls.size() > max_seeds) return bad("are not from 1 to 64");
    std::vector<Address> addresses;
    bool encrypted = false;
    for (const auto& url : urls) {
        auto address = parse_url(url, default_sentinel_port);
        if (!address) return address.error();
        if (address->is_unix()) return bad("hold a unix socket; they are named by host and port");
        if (address->database != 0) return bad("name a database; SentinelOptions::database is for the master's");
        if (auto completed = complete_log_in(*address, Options()); !completed) return completed.error();
        if (address->encrypted) {
            if (auto prepared = prepare_tls(*address, tls, "redis::SentinelOptions::sentinel_tls"); !prepared) {
                return prepared.error();
            }
            encrypted = true;
        }
        for (const auto& other : addresses) {
            if (other.host == address->host && other.port == address->port) {
                return bad("hold one twice; each has one voice");
            }
        }
        addresses.push_back(std::move(*address));
    }
    if (!encrypted && !(tls == TlsOptions())) {
        return bad_sentinel_option("sentinel_tls is given, but no sentinel has a rediss:// URL");
    }
    return addresses;
}

} // namespace

Result<std::shared_ptr<spi::Backend>> connect_sentinel(const std::vector<std::string>& sentinels,
                                                       const SentinelOptions& options) {
    if (auto checked = check(options.node); !checked) return checked.error();
    if (auto checked = check_sentinel(options); !checked) return checked.error();
    auto node = address_of_master(options);
    if (!node) return node.error();
    auto addresses = addresses_of_sentinels(sentinels, options.sentinel_tls);
    if (!addresses) return addresses.error();
    return over(
        std::make_shared<SentinelServer>(runtime_of(options.node), std::move(*addresses), std::move(*node), options),
        options.node);
}

} // namespace tiercel::redis
