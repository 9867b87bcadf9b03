#include "connection_setup.hpp"
#include "single_server.hpp"

#include <utility>

namespace tiercel::redis {

Result<std::shared_ptr<spi::Backend>> connect(std::string_view url, const Options& options) {
    auto address = parse_url(url);
    if (!address) return address.error();
    if (auto checked = check(options); !checked) return checked.error();
    if (auto completed = complete_log_in(*address, options); !completed) return completed.error();
    if (auto prepared = prepare_tls(*address, options.tls); !prepared) return prepared.error();
    return over(std::make_shared<SingleServer>(runtime_of(options), *address, options), options);
}

} // namespace tiercel::redis
