// Asks a real memcached for replies of every kind of the meta protocol, and writes what it sends, byte for byte, into
// the seed corpus. Run by hand when a server of another version has something new to say.
// Usage: meta_capture <folder of corpora>, which is tests/fuzz/corpus.

#include "support/memcached_server.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

namespace asio = boost::asio;

class Capture {
public:
    Capture(std::uint16_t port, std::filesystem::path folder) : socket_(context_), folder_(std::move(folder)) {
        std::filesystem::create_directories(folder_);
        socket_.connect({asio::ip::address_v4::loopback(), port});
    }

    /// Sends the requests together; what comes back.
    std::string ask(const std::string& requests) {
        const auto size = std::to_string(end_mark.size());
        // The value of the mark tells that all the others are there.
        const std::string last = "VA " + size + "\r\n" + end_mark + "\r\n";
        asio::write(socket_, asio::buffer(requests + "ms end " + size + " q\r\n" + end_mark + "\r\nmg end v\r\n"));
        auto replies = read_to(last);
        replies.resize(replies.size() - last.size());
        return replies;
    }

    /// The replies to all of them become one file.
    void write(const std::string& name, const std::string& requests) { write_down(name, ask(requests)); }

    /// Only one line, of a server that answers nothing else.
    void write_line(const std::string& name, const std::string& request) {
        asio::write(socket_, asio::buffer(request));
        write_down(name, read_to("\r\n"));
    }

private:
    std::string read_to(const std::string& end) {
        std::string replies;
        replies.resize(asio::read_until(socket_, asio::dynamic_buffer(replies), end));
        return replies;
    }
    void write_down(const std::string& name, const std::string& replies) {
        std::ofstream(folder_ / name, std::ios::binary) << replies;
        std::printf("%s: %zu bytes\n", name.c_str(), replies.size());
    }

    const std::string end_mark = "here end the replies that were asked for";
    asio::io_context context_;
    asio::ip::tcp::socket socket_;
    const std::filesystem::path folder_;
};

std::string set(const std::string& key, const std::string& value, const std::string& flags) {
    return "ms " + key + ' ' + std::to_string(value.size()) + ' ' + flags + "\r\n" + value + "\r\n";
}

std::string every_byte() {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte)
        bytes += static_cast<char>(byte);
    return bytes + "\r\nEN\r\nVA 2 O1\r\n";
}

void capture_replies(Capture& to) {
    to.write("greeting", "mg tiercel:ping O1\r\nmn\r\n");
    to.write("greeting_of_one_that_has_the_key",
             set("tiercel:ping", "somebody's", "T60 q") + "mg tiercel:ping O1\r\nmn\r\nmd tiercel:ping q\r\n");
    to.write("set", set("text", "some text", "T60 O2") + set("text", "some text", "c O3 k"));
    to.write("miss", "mg none v c t O4\r\nmg none v\r\nmd none O5\r\nmd none\r\nmg none T60 O6\r\n");
    to.write("hit", "mg text v c t O7\r\n");
    to.write("hit_without_value", "mg text O8\r\nmg text\r\nmg text T60 c t f s k O9\r\n");
    to.write("value_empty", set("empty", "", "T0") + "mg empty v c t f O4294967295\r\n");
    to.write("value_of_every_byte", set("bytes", every_byte(), "T0 F4294967295") + "mg bytes v c t f s k O10\r\n");
    to.write("value_of_3000", set("large", std::string(3000, 'v'), "T0") + "mg large v c t O11\r\nmg text v O12\r\n");
    to.write("binary_key", "ms AAECAw== 3 b T60 O13\r\nabc\r\nmg AAECAw== b k v c t O14\r\nmd AAECAw== b k O15\r\n");
    to.write("not_stored", set("text", "other", "ME T60 O16") + set("none", "other", "MR O17"));
    to.write("exists", set("text", "other", "C1 T60 O18") + "md text C1 O19\r\n");
    to.write("cas_of_nothing", set("none", "other", "C1 O20"));
    to.write("won", "mg wanted v c t N30 O21\r\nmg wanted v c t N30 O22\r\n");
    to.write("won_before_expiry", set("soon", "old", "T20") + "mg soon v c t R30 O23\r\nmg soon v c t R30 O24\r\n");
    to.write("stale", set("text", "old", "T60") + "md text I T30 O25\r\nmg text v c t O26\r\nmg text v c t O27\r\n" +
                          set("text", "new", "T60 O28") + "mg text v c t O29\r\n");
    to.write("deleted", set("text", "v", "T60") + "md text O30\r\nmg text v O31\r\n");
    to.write("arithmetic", "ma n N0 J13 v t c O32\r\nma n v O33\r\nma n MD D5 v O34\r\nma none O35\r\n");
    to.write("quiet", set("text", "v", "T60 q O36") + "mg none v q O37\r\nmg text v q O38\r\nmd none q O39\r\nmn\r\n");
    to.write("pipeline", "mg none v c t O40\r\nmg text v c t O41\r\nmg empty v c t O42\r\n" +
                             set("bytes", every_byte(), "ME T60 O43") +
                             "mg bytes v c t O44\r\nmd none O45\r\nmg none T60 O46\r\nmg large v O47\r\nmn\r\n");
    to.write("errors", "no such command\r\nmg\r\nms text x O48\r\n" + set("n2", "1", "MQ O49") + "mg " +
                           std::string(251, 'k') + " v O50\r\nms text 2 T60 O51\r\nabcd\r\n" + "ma text O52\r\n");
    to.write("too_large", set("huge", std::string((std::size_t{1} << 20) + 1, 'h'), "T60 O53") + "mg huge v O54\r\n");
}

void capture_out_of_memory(const std::filesystem::path& folder) {
    tiercel::test::MemcachedServer server({.arguments = {"-M", "-m", "2"}});
    Capture to(server.port(), folder);
    const std::string value(500'000, 'v');
    for (int i = 0; i < 100; ++i) {
        if (to.ask(set("key" + std::to_string(i), value, "T0")).starts_with("SERVER_ERROR")) break;
    }
    to.write("out_of_memory", set("other", value, "T60 O1") + "mg other v O2\r\n");
}

void capture_unauthenticated(const std::filesystem::path& folder) {
    const tiercel::test::TempDir settings;
    const auto users = settings.path() / "users";
    std::ofstream(users) << "somebody:secret\n";
    tiercel::test::MemcachedServer server({.arguments = {"-Y", users.string()}});
    Capture(server.port(), folder).write_line("unauthenticated", "mg tiercel:ping O1\r\n");
}

} // namespace

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s <folder of corpora>\n", argv[0]);
        return 2;
    }
    const auto folder = std::filesystem::path(argv[1]) / "meta";
    tiercel::test::MemcachedServer server;
    Capture to(server.port(), folder);
    capture_replies(to);
    capture_out_of_memory(folder);
    capture_unauthenticated(folder);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "meta_capture: %s\n", error.what());
    return 1;
}
