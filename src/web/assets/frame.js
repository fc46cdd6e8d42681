// Tells the page around the frame how high the form is. The page needs embed.js to follow.
// The document itself is at least as high as the frame, so only the body tells that a page needs less.
const tell = () => parent.postMessage({ daily: Math.ceil(document.body.getBoundingClientRect().height) }, "*");
new ResizeObserver(tell).observe(document.body);
tell();
