#pragma once

#include "support/memcached_server.hpp" // of tests/: finds a port, waits until the server answers, stops it by its pid
#include "support/redis_server.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace example {

/// The Redis that `--redis URL` on the command line names, or else one of our own, stopped when this goes.
class Redis {
public:
    Redis(int argc, char** argv) {
        for (int i = 1; i + 1 < argc; ++i) {
            if (std::string_view(argv[i]) == "--redis") url_ = argv[i + 1];
        }
        if (url_.empty()) {
            own_ = std::make_unique<tiercel::test::RedisServer>();
            url_ = own_->url();
        }
    }
    const std::string& url() const { return url_; }

private:
    std::unique_ptr<tiercel::test::RedisServer> own_;
    std::string url_;
};

using OwnRedis = tiercel::test::RedisServer;
using OwnMemcached = tiercel::test::MemcachedServer;

} // namespace example
