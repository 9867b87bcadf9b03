#include "connection_setup.hpp"
#include "node_address.hpp"
#include "shards.hpp"
#include "single_server.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::redis {

namespace {

constexpr std::size_t max_shards = 256;
constexpr std::size_t max_weight = 64;

Error bad_shard(std::string_view what) {
    return Error(Errc::invalid_option, "redis::Shard" + std::string(what));
}

/// The name that an URL stands for.
std::string name_of(const Address& address) {
    return address.is_unix() ? address.socket_path : NodeAddress{address.host, address.port}.text();
}

} // namespace

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
    return over(std::make_shared<Shards>(runtime, std::move(servers), options), options);
}

} // namespace tiercel::redis
