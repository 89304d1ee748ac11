internal import MCP
internal import Primitives

/// Tools that answer at once, each with another kind of content (mcp.md §10.1).
extension Fixture {
    var contentTools: [Tool] {
        [
            fixtureTool(
                "test_simple_text", "Returns one text.",
                icons: [Icon(source: "data:image/png;base64," + Samples.png, mimeType: "image/png", sizes: ["1x1"])], isLocal: true
            ) { _, _ in .text("This is a simple text response for testing.") },
            fixtureTool("test_image_content", "Returns one picture.", isLocal: true) { _, _ in
                ToolResult(content: [.image(Samples.png, mimeType: "image/png")])
            },
            fixtureTool("test_audio_content", "Returns one sound.", isLocal: true) { _, _ in
                ToolResult(content: [.audio(Samples.wav, mimeType: "audio/wav")])
            },
            fixtureTool("test_embedded_resource", "Returns one embedded resource.", isLocal: true) { _, _ in
                ToolResult(content: [
                    .resource(
                        uri: "test://embedded-resource", mimeType: "text/plain", text: "This is an embedded resource content.")
                ])
            },
            fixtureTool("test_multiple_content_types", "Returns text, a picture and a resource.", isLocal: true) { _, _ in
                ToolResult(content: [
                    .text("Multiple content types test:"), .image(Samples.png, mimeType: "image/png"),
                    .resource(
                        uri: "test://mixed-content-resource", mimeType: "application/json", text: #"{"test":"data","value":123}"#),
                ])
            },
            fixtureTool("test_resource_link", "Returns a link to a resource.", isLocal: true) { _, _ in
                ToolResult(content: [
                    .other([
                        "type": "resource_link", "uri": "test://static-text", "name": "static-text", "mimeType": "text/plain",
                    ])
                ])
            },
            fixtureTool("test_error_handling", "Always fails.", isLocal: true) { _, _ in
                .failure("This tool intentionally returns an error for testing")
            },
        ]
    }
}
