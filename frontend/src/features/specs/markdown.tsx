import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";

/** What may be wider than the page scrolls by itself and is reached by keyboard. */
const COMPONENTS: Components = {
  table: ({ node: _, ...rest }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard
    <section aria-label="Table" className="overflow-x-auto" tabIndex={0}>
      <table {...rest} />
    </section>
  ),
  // biome-ignore lint/a11y/noNoninteractiveTabindex: code that scrolls is reached by keyboard
  pre: ({ node: _, ...rest }) => <pre tabIndex={0} {...rest} />,
};

/** Markdown of documents; raw HTML in it is shown as text, front matter is left out. */
export default function Markdown({ text }: { text: string }) {
  const body = text.replace(/^---\n[\s\S]*?\n---\n/, "");
  return (
    <div className="markdown">
      <ReactMarkdown remarkPlugins={[remarkGfm]} components={COMPONENTS}>
        {body}
      </ReactMarkdown>
    </div>
  );
}
