#include "cluster.hpp"
#include "redis_backend.hpp"
#include "resp.hpp"
#include "sentinel_server.hpp"
#include "shards.hpp"
#include "single_server.hpp"
#include "transport/tls_context.hpp"
#include "url.hpp"

#include <tiercel/redis.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace tiercel::redis {

namespace {

using std::chrono::milliseconds;

Error bad_option(std::string_view field, std::string_view advice) {
    return Error(Errc::invalid_option, "redis::Options::" + std::string(field) + " " + std::string(advice));
}

bool is_printable_word(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Result<void> check(const Options& options) {
    if (auto checked = transport::check(limits_of(options), "redis::Options"); !checked) return checked;
    if (options.max_reply_bytes < 1024 || options.max_reply_bytes > (std::size_t{512} << 20)) {
        return bad_option("max_reply_bytes", "is not from 1 KiB to 512 MiB");
    }
    if (options.max_pending_bytes < options.max_reply_bytes) {
        return bad_option("max_pending_bytes", "is less than max_reply_bytes; the largest value could not be sent");
    }
    if (!is_printable_word(options.client_name))
        return bad_option("client_name", "holds a space or what is not printable ASCII");
    return {};
}

/// Joins what the URL and the options say of whom to log in as.
Result<void> complete_log_in(Address& address, const Options& options) {
    if (options.username) {
        if (address.username) return bad_option("username", "is given, and the URL has a user too; give one of them");
        address.username = options.username;
    }
    if (options.password) {
        if (address.password) {
            return bad_option("password", "is given, and the URL has a password too; give one of them");
        }
        address.password = options.password;
    }
    if (address.username && !address.password) {
        return bad_option("password",
                          "is missing for the user; write redis://user:password@host, or redis://:password@host where "
                          "there is only a password (for a user without one: redis://user:@host)");
    }
    return {};
}

Result<void> prepare_tls(Address& address, const TlsOptions& options, std::string_view name = "redis::Options::tls") {
    if (!address.encrypted) {
        if (options == TlsOptions()) return {};
        return Error(Errc::invalid_option, std::string(name) +
                                               " is given, but the URL is not a rediss:// one, and nothing would be "
                                               "encrypted; write rediss://host:port");
    }
    auto context = transport::TlsContext::create(options, name);
    if (!context) return context.error();
    address.tls = std::move(*context);
    return {};
}

constexpr std::size_t max_seeds = 64;

Error bad_seed(std::string_view what) {
    return Error(Errc::invalid_option, "the seeds of a Redis cluster " + std::string(what));
}

Result<void> check_cluster(const ClusterOptions& options) {
    const auto bad = [](std::string_view what) {
        return Error(Errc::invalid_option, "redis::ClusterOptions::" + std::string(what));
    };
    if (options.refresh_interval <= milliseconds::zero()) return bad("refresh_interval is not positive");
    if (options.refresh_interval > std::chrono::hours(24)) return bad("refresh_interval is over a day");
    if (options.max_redirections < 1 || options.max_redirections > 64) {
        return bad("max_redirections is not from 1 to 64");
    }
    return {};
}

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

constexpr std::size_t max_shards = 256;
constexpr std::size_t max_weight = 64;

Error bad_shard(std::string_view what) {
    return Error(Errc::invalid_option, "redis::Shard" + std::string(what));
}

/// The name that an URL stands for.
std::string name_of(const Address& address) {
    return address.is_unix() ? address.socket_path : NodeAddress{address.host, address.port}.text();
}

std::shared_ptr<spi::Runtime> runtime_of(const Options& options) {
    return options.runtime ? options.runtime : spi::default_runtime();
}

std::shared_ptr<spi::Backend> over(std::shared_ptr<Exchange> exchange) {
    return std::make_shared<RedisBackend>(std::move(exchange));
}

} // namespace

Result<std::shared_ptr<spi::Backend>> connect(std::string_view url, const Options& options) {
    auto address = parse_url(url);
    if (!address) return address.error();
    if (auto checked = check(options); !checked) return checked.error();
    if (auto completed = complete_log_in(*address, options); !completed) return completed.error();
    if (auto prepared = prepare_tls(*address, options.tls); !prepared) return prepared.error();
    return over(std::make_shared<SingleServer>(runtime_of(options), *address, options));
}

Result<std::shared_ptr<spi::Backend>> connect_cluster(const std::vector<std::string>& seeds,
                                                      const ClusterOptions& options) {
    if (auto checked = check(options.node); !checked) return checked.error();
    if (auto checked = check_cluster(options); !checked) return checked.error();
    if (seeds.empty() || seeds.size() > max_seeds) return bad_seed("are not from 1 to 64");
    std::vector<Address> addresses;
    for (const auto& seed : seeds) {
        auto address = parse_url(seed);
        if (!address) return address.error();
        if (address->is_unix()) return bad_seed("hold a unix socket; the nodes name each other by host and port");
        if (address->database != 0) return bad_seed("name a database; a cluster has only database 0");
        if (auto completed = complete_log_in(*address, options.node); !completed) return completed.error();
        if (addresses.empty()) {
            if (auto prepared = prepare_tls(*address, options.node.tls); !prepared) return prepared.error();
        } else {
            address->tls = addresses.front().tls;
        }
        const auto& first = addresses.empty() ? *address : addresses.front();
        if (address->encrypted != first.encrypted) {
            return bad_seed("are redis:// and rediss://; all nodes of a cluster are spoken to in the same way");
        }
        if (address->username != first.username || address->password != first.password) {
            return bad_seed("differ in user or password; all nodes of a cluster take the same");
        }
        addresses.push_back(std::move(*address));
    }
    return over(std::make_shared<Cluster>(runtime_of(options.node), std::move(addresses), options));
}

Result<std::shared_ptr<spi::Backend>> connect_sentinel(const std::vector<std::string>& sentinels,
                                                       const SentinelOptions& options) {
    if (auto checked = check(options.node); !checked) return checked.error();
    if (auto checked = check_sentinel(options); !checked) return checked.error();
    auto node = address_of_master(options);
    if (!node) return node.error();
    auto addresses = addresses_of_sentinels(sentinels, options.sentinel_tls);
    if (!addresses) return addresses.error();
    return over(
        std::make_shared<SentinelServer>(runtime_of(options.node), std::move(*addresses), std::move(*node), options));
}

Result<std::shared_ptr<spi::Backend>> connect_sharded(const std::vector<Shard>& shards, const Options& options) {
    if (auto checked = check(options); !checked) return checked.error();
    if (shards.empty() || shards.size() > max_shards) return bad_shard(": there are not from 1 to 256 of them");
    const auto runtime = runtime_of(options);
    std::vector<Shards::Shard> servers;
    std::set<std::string> names;
    for (const auto& shard : shards) {
        auto address = parse_url(shard.url);
        if (!address) return address.error();
        if (auto completed = complete_log_in(*address, options); !completed) return completed.error();
        if (auto prepared = prepare_tls(*address, options.tls); !prepared) return prepared.error();
        if (!is_printable_word(shard.name)) return bad_shard("::name holds a space or what is not printable ASCII");
        if (shard.weight < 1 || shard.weight > max_weight) return bad_shard("::weight is not from 1 to 64");
        auto name = shard.name.empty() ? name_of(*address) : shard.name;
        if (!names.insert(name).second) {
            return bad_shard("::name is the same for two of them; give each a name of its own");
        }
        auto server = std::make_shared<SingleServer>(runtime, *address, options);
        servers.push_back({{std::move(name), shard.weight}, std::move(server)});
    }
    return over(std::make_shared<Shards>(runtime, std::move(servers), options));
}

} // namespace tiercel::redis
