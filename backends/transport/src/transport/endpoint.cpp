#include "transport/endpoint.hpp"

namespace tiercel::transport {

std::string Endpoint::label(std::string_view protocol) const {
    std::string text(protocol);
    text += ' ';
    if (is_unix()) return text + socket_path;
    const bool bracketed = host.find(':') != std::string::npos;
    return text + (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

} // namespace tiercel::transport
