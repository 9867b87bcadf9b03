#include "transport/connection_errors.hpp"

#include "transport/tls_stream.hpp"

#include <boost/asio/error.hpp>

namespace tiercel::transport {

Error closed_error(const std::string& label) {
    return Error(Errc::closed, label + ": the backend was closed");
}

Error broke_error(const std::string& label, const boost::system::error_code& why) {
    const bool closed = why == boost::asio::error::eof || TlsStream::is_end(why);
    const auto what = closed ? std::string("the server closed it") : why.message();
    return Error(Errc::connection_lost, label + ": the connection broke (" + what + ")");
}

Error silent_error(const std::string& label) {
    return Error(Errc::connection_lost, label + ": the server has not answered for Options::max_silence; reconnecting");
}

} // namespace tiercel::transport
