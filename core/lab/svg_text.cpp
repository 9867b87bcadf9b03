#include "lab/svg_text.hpp"

#include "lab/number_text.hpp"

namespace tiercel::lab {
namespace {

/// Ink that holds on white and black; better ink where the reader's preference is known.
constexpr std::string_view style = R"(<style>
text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; font-size: 12px; fill: #77808c }
.title { font-size: 18px; font-weight: 600 }
.key { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace }
.strong { font-weight: 600 }
.ink { stroke: #77808c }
.inkfill { fill: #77808c }
.grid { stroke: #8a929d; stroke-opacity: .28 }
.faint { stroke: #8a929d; stroke-opacity: .14 }
@media (prefers-color-scheme: light) { text, .inkfill { fill: #4a525c } .title { fill: #1c2128 } .ink { stroke: #4a525c } }
@media (prefers-color-scheme: dark) { text, .inkfill { fill: #a9b2bd } .title { fill: #e6eaef } .ink { stroke: #a9b2bd } }
</style>
)";

} // namespace

SvgText::SvgText(double width, double height, std::string_view title) {
    const std::string size = number(width) + "\" height=\"" + number(height);
    body_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + size + "\" viewBox=\"0 0 " + number(width) + " " +
            number(height) + "\" role=\"img\">\n<title>" + escaped(title) + "</title>\n";
    body_ += style;
}

void SvgText::line(Point from, Point to, std::string_view attributes) {
    body_ += "<line x1=\"" + number(from.x) + "\" y1=\"" + number(from.y) + "\" x2=\"" + number(to.x) + "\" y2=\"" +
             number(to.y) + "\" ";
    body_ += attributes;
    body_ += "/>\n";
}

void SvgText::rectangle(Box box, std::string_view attributes) {
    body_ += "<rect x=\"" + number(box.x) + "\" y=\"" + number(box.y) + "\" width=\"" + number(box.width) +
             "\" height=\"" + number(box.height) + "\" ";
    body_ += attributes;
    body_ += "/>\n";
}

void SvgText::text(Point at, std::string_view words, std::string_view attributes) {
    body_ += "<text x=\"" + number(at.x) + "\" y=\"" + number(at.y) + "\" ";
    body_ += attributes;
    body_ += ">" + escaped(words) + "</text>\n";
}

std::string SvgText::finish() && {
    return std::move(body_) + "</svg>\n";
}

std::string SvgText::number(double value) {
    std::string text = fixed(value, 1);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
}

std::string SvgText::escaped(std::string_view words) {
    std::string text;
    for (const char c : words) {
        switch (c) {
        case '&':
            text += "&amp;";
            break;
        case '<':
            text += "&lt;";
            break;
        case '>':
            text += "&gt;";
            break;
        case '"':
            text += "&quot;";
            break;
        default:
            text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c; // control characters are no XML
        }
    }
    return text;
}

} // namespace tiercel::lab
