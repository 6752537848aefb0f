import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";

/** Markdown of documents; raw HTML in it is shown as text, front matter is left out. */
export default function Markdown({ text }: { text: string }) {
  const body = text.replace(/^---\n[\s\S]*?\n---\n/, "");
  return (
    <div className="markdown">
      <ReactMarkdown remarkPlugins={[remarkGfm]}>{body}</ReactMarkdown>
    </div>
  );
}
