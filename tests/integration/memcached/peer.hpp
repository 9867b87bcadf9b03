#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tiercel::test {

/// Something that listens on a loopback port and is no memcached. For each line it receives it sends what `answer`
/// gives; an empty line stands for the new connection itself. `hang_up` as an answer closes the connection.
/// Thread safety: `answer` is called on the peer's own thread.
class Peer {
public:
    using Answer = std::function<std::string(const std::string& line)>;
    static const std::string hang_up;

    explicit Peer(Answer answer);
    ~Peer();
    std::string address() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tiercel::test
