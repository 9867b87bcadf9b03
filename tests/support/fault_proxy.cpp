#include "support/fault_proxy.hpp"

#include "support/server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <random>
#include <thread>
#include <vector>

namespace tiercel::test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

enum class Fault { none, delay, swallow, swallow_after, half_open, close_after, slice, corrupt, refuse, trouble };

struct Setting {
    Fault fault = Fault::none;
    std::chrono::milliseconds delay{};
    std::size_t bytes = 0;
    std::uint64_t seed = 0;
    Troubles troubles = {};
    std::uint64_t generation = 0; // moves with each choice: close_after counts from its own
};

struct Met {
    std::atomic<unsigned> delayed = 0;
    std::atomic<unsigned> sliced = 0;
    std::atomic<unsigned> closed = 0;
    std::atomic<unsigned> stalled = 0;
    std::atomic<std::size_t> corrupted = 0;
};

/// One client and its connection to the server. Everything runs on the proxy's thread.
class Pair : public std::enable_shared_from_this<Pair> {
public:
    Pair(tcp::socket client, std::size_t number, const Setting& setting, Met& met)
        : client_(std::move(client)),
          server_(client_.get_executor()),
          timer_(client_.get_executor()),
          number_(number),
          setting_(setting),
          met_(met) {}

    void start(std::uint16_t server_port) {
        if (setting_.fault == Fault::half_open) {
            cut_off_ = true;
            return read_request();
        }
        server_.async_connect({asio::ip::address_v4::loopback(), server_port},
                              [self = shared_from_this()](error_code error) {
                                  if (self->cut_off_) return self->read_request();
                                  if (error) return self->close();
                                  error_code ignored;
                                  self->client_.set_option(tcp::no_delay(true), ignored);
                                  self->server_.set_option(tcp::no_delay(true), ignored);
                                  self->read_request();
                                  self->read_reply();
                              });
    }

    void close() {
        error_code ignored;
        timer_.cancel();
        client_.close(ignored);
        server_.close(ignored);
    }

    bool closed() const { return !client_.is_open(); }

    /// There is no server any more, and the client is not told: what it sends is read, so that its end is noticed.
    void cut_off() {
        cut_off_ = true;
        error_code ignored;
        timer_.cancel();
        server_.close(ignored);
    }

private:
    void read_request() {
        client_.async_read_some(asio::buffer(request_), [self = shared_from_this()](error_code error, std::size_t n) {
            if (error) return self->close();
            if (self->cut_off_) return self->read_request();
            asio::async_write(self->server_, asio::buffer(self->request_.data(), n),
                              [self](error_code failed, std::size_t) {
                                  if (failed && !self->cut_off_) return self->close();
                                  self->read_request();
                              });
        });
    }

    void read_reply() {
        if (cut_off_) return;
        server_.async_read_some(asio::buffer(reply_), [self = shared_from_this()](error_code error, std::size_t n) {
            if (self->cut_off_) return;
            if (error) return self->close();
            self->treat(n);
        });
    }

    void treat(std::size_t size) {
        if (generation_ != setting_.generation) {
            generation_ = setting_.generation;
            sent_ = 0;
            random_.seed(setting_.seed + number_);
            to_corrupt_ = distance();
        }
        if (stalled_) return read_reply();
        switch (setting_.fault) {
        case Fault::none:
            return write(0, size, size);
        case Fault::swallow:
            return read_reply();
        case Fault::slice:
            return write(0, size, 1);
        case Fault::swallow_after: {
            const std::size_t allowed = std::min(size, setting_.bytes - std::min(setting_.bytes, sent_));
            sent_ += allowed;
            stalled_ = allowed < size;
            return write(0, allowed, allowed);
        }
        case Fault::corrupt:
            corrupt(size);
            return write(0, size, size);
        case Fault::refuse:
        case Fault::half_open: // which has cut it off
            return close();
        case Fault::delay:
            timer_.expires_after(setting_.delay);
            return timer_.async_wait([self = shared_from_this(), size](error_code error) {
                if (!error) self->write(0, size, size);
            });
        case Fault::close_after: {
            const std::size_t allowed = std::min(size, setting_.bytes - std::min(setting_.bytes, sent_));
            sent_ += allowed;
            last_ = sent_ >= setting_.bytes;
            return write(0, allowed, allowed);
        }
        case Fault::trouble:
            return trouble(size);
        }
    }

    void corrupt(std::size_t size) {
        std::size_t at = 0;
        for (; to_corrupt_ < size - at; to_corrupt_ = distance()) {
            at += to_corrupt_;
            reply_[at] = static_cast<char>(reply_[at] ^ (1 << random_() % 8));
            met_.corrupted.fetch_add(1);
        }
        to_corrupt_ -= size - at;
    }
    /// From one damaged byte to the next.
    std::size_t distance() { return 1 + random_() % (2 * std::max<std::size_t>(setting_.bytes, 1)); }

    void trouble(std::size_t size) {
        const Troubles& troubles = setting_.troubles;
        const auto meets = [this](unsigned per_mille, std::atomic<unsigned>& met) {
            if (random_() % 1000 >= per_mille) return false;
            met.fetch_add(1);
            return true;
        };
        stalled_ = meets(troubles.stalled, met_.stalled);
        if (stalled_) return read_reply();
        last_ = meets(troubles.closed, met_.closed);
        const std::size_t to = last_ ? random_() % size : size;
        const std::size_t piece = meets(troubles.sliced, met_.sliced) ? 1 + random_() % (size / 2 + 1) : size;
        if (!meets(troubles.delayed, met_.delayed)) return write(0, to, piece);
        const auto longest = static_cast<std::uint64_t>(troubles.longest_delay.count());
        timer_.expires_after(std::chrono::microseconds(random_() % (longest + 1)));
        timer_.async_wait([self = shared_from_this(), to, piece](error_code error) {
            if (!error) self->write(0, to, piece);
        });
    }

    void write(std::size_t from, std::size_t to, std::size_t piece) {
        if (from == to) return last_ ? close() : read_reply();
        const std::size_t size = std::min(piece, to - from);
        asio::async_write(client_, asio::buffer(reply_.data() + from, size),
                          [self = shared_from_this(), from, to, piece, size](error_code error, std::size_t) {
                              if (error) return self->close();
                              self->write(from + size, to, piece);
                          });
    }

    tcp::socket client_;
    tcp::socket server_;
    asio::steady_timer timer_;
    const std::size_t number_;
    const Setting& setting_;
    Met& met_;
    std::mt19937_64 random_;
    std::array<char, 16'384> request_{};
    std::array<char, 16'384> reply_{};
    std::uint64_t generation_ = 0;
    std::size_t sent_ = 0;
    std::size_t to_corrupt_ = 0;
    bool last_ = false;
    bool stalled_ = false; // for good: a stream that goes on has no bytes missing
    bool cut_off_ = false; // for good
};

} // namespace

class FaultProxy::Impl {
public:
    explicit Impl(std::uint16_t server_port) : server_port_(server_port), acceptor_(loop_) {
        port_ = free_loopback_port();
        while (!listen())
            port_ = free_loopback_port();
        accept();
        thread_ = std::thread([this] { loop_.run(); });
    }

    ~Impl() {
        on_loop([this] {
            drop();
            acceptor_.close();
            keep_.reset();
        });
        thread_.join();
    }

    void choose(Setting setting) {
        on_loop([this, setting] {
            const auto generation = setting_.generation + 1;
            setting_ = setting;
            setting_.generation = generation;
            if (setting.fault == Fault::refuse) {
                acceptor_.close();
                drop();
                return;
            }
            if (setting.fault == Fault::half_open) {
                for (const auto& pair : pairs_)
                    pair->cut_off();
            }
            if (!acceptor_.is_open() && listen()) accept();
        });
    }

    void drop_connections() {
        on_loop([this] { drop(); });
    }

    std::uint16_t port() const noexcept { return port_; }
    std::size_t accepted() const noexcept { return accepted_.load(); }
    std::size_t corrupted() const noexcept { return met_.corrupted.load(); }
    Troubles met() const noexcept {
        return {.delayed = met_.delayed, .sliced = met_.sliced, .closed = met_.closed, .stalled = met_.stalled};
    }

private:
    template <class Action>
    void on_loop(Action action) {
        std::promise<void> done;
        asio::post(loop_, [&] {
            action();
            done.set_value();
        });
        done.get_future().wait();
    }

    bool listen() {
        error_code error;
        acceptor_.open(tcp::v4());
        acceptor_.set_option(tcp::acceptor::reuse_address(true));
        acceptor_.bind({asio::ip::address_v4::loopback(), port_}, error);
        if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
        if (error) acceptor_.close();
        return !error;
    }

    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket client) {
            if (error) return; // closed
            const auto number = accepted_.fetch_add(1);
            std::erase_if(pairs_, [](const auto& pair) { return pair->closed(); });
            pairs_.push_back(std::make_shared<Pair>(std::move(client), number, setting_, met_));
            pairs_.back()->start(server_port_);
            accept();
        });
    }

    void drop() {
        for (const auto& pair : pairs_)
            pair->close();
        pairs_.clear();
    }

    const std::uint16_t server_port_;
    std::uint16_t port_ = 0;
    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> keep_ = asio::make_work_guard(loop_);
    tcp::acceptor acceptor_;
    Setting setting_;
    std::vector<std::shared_ptr<Pair>> pairs_;
    std::atomic<std::size_t> accepted_ = 0;
    Met met_;
    std::thread thread_;
};

FaultProxy::FaultProxy(std::uint16_t server_port) : impl_(std::make_unique<Impl>(server_port)) {}
FaultProxy::~FaultProxy() = default;

std::uint16_t FaultProxy::port() const noexcept {
    return impl_->port();
}
void FaultProxy::pass() {
    impl_->choose({});
}
void FaultProxy::delay(std::chrono::milliseconds by) {
    impl_->choose({.fault = Fault::delay, .delay = by});
}
void FaultProxy::swallow() {
    impl_->choose({.fault = Fault::swallow});
}
void FaultProxy::close_after(std::size_t bytes) {
    impl_->choose({.fault = Fault::close_after, .bytes = bytes});
}
void FaultProxy::swallow_after(std::size_t bytes) {
    impl_->choose({.fault = Fault::swallow_after, .bytes = bytes});
}
void FaultProxy::half_open() {
    impl_->choose({.fault = Fault::half_open});
}
void FaultProxy::slice() {
    impl_->choose({.fault = Fault::slice});
}
void FaultProxy::corrupt(std::uint64_t seed, std::size_t bytes) {
    impl_->choose({.fault = Fault::corrupt, .bytes = bytes, .seed = seed});
}
void FaultProxy::trouble(std::uint64_t seed, const Troubles& troubles) {
    impl_->choose({.fault = Fault::trouble, .seed = seed, .troubles = troubles});
}
void FaultProxy::refuse() {
    impl_->choose({.fault = Fault::refuse});
}
void FaultProxy::drop_connections() {
    impl_->drop_connections();
}
Troubles FaultProxy::met() const {
    return impl_->met();
}
std::size_t FaultProxy::corrupted() const {
    return impl_->corrupted();
}
std::size_t FaultProxy::accepted() const {
    return impl_->accepted();
}

} // namespace tiercel::test
