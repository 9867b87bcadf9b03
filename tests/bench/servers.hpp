#pragma once

namespace tiercel::bench {

/// Starts a redis-server and a memcached of our own, which last until the process ends.
void start_servers();

} // namespace tiercel::bench
