#include "cluster.hpp"
#include "connection_setup.hpp"

#include <string>
#include <utility>
#include <vector>

namespace tiercel::redis {

namespace {

using std::chrono::milliseconds;

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

} // namespace

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
    return over(std::make_shared<Cluster>(runtime_of(options.node), std::move(addresses), options), options.node);
}

} // namespace tiercel::redis
