#include "handshake.hpp"

#include "error_reply.hpp"
#include "sentinel_reply.hpp"

namespace tiercel::redis {

Handshake::Handshake(const Address& address, const std::string& client_name) : label_(address.label()) {
    if (address.password) {
        if (address.username) {
            add(Step::authenticate, {"AUTH", *address.username, *address.password});
        } else {
            add(Step::authenticate, {"AUTH", *address.password});
        }
    }
    if (address.database != 0) add(Step::select, {"SELECT", std::to_string(address.database)});
    if (!client_name.empty()) add(Step::set_name, {"CLIENT", "SETNAME", client_name});
    if (address.role == ServerRole::master) add(Step::be_master, {"ROLE"});
    if (address.role == ServerRole::cluster_replica) add(Step::answer_reads, {"READONLY"});
    add(Step::ping, {"PING"});
}

void Handshake::add(Step step, std::initializer_list<BytesView> words) {
    steps_.push_back(step);
    commands_.add(words);
}

Result<void> Handshake::on_reply(const Reply& reply) {
    if (is_complete()) {
        return Error(Errc::protocol_error, label_ + ": more replies than commands; check the host and the port");
    }
    const Step step = steps_[answered_++];
    if (step == Step::be_master) return parse_master_role(reply, label_);
    if (reply.kind == Reply::Kind::status) return {};
    if (reply.kind != Reply::Kind::error) {
        return Error(Errc::protocol_error, label_ + ": this is no answer of a Redis; check the host and the port");
    }
    if (step == Step::authenticate && !reply.text.starts_with("ERR max number of clients")) {
        // Not the server's words: they may repeat the password.
        return Error(Errc::authentication_failed,
                     label_ + ": the user name or password is wrong, or the user may not log in");
    }
    const Error error = to_error(reply.text, label_);
    // A server that has no place for us, or wants a password, says so whatever it was asked.
    const bool turned_away =
        error == Errc::connection_failed || error == Errc::authentication_failed || reply.text.starts_with("DENIED");
    if (turned_away || step == Step::select || step == Step::answer_reads) return error;
    return {};
}

} // namespace tiercel::redis
