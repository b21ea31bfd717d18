// Runs before the first paint, so that a page in the chosen colours never flashes in the other ones (see app/theme.ts).
const theme = localStorage.getItem('wheelhouse.theme')
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
