const list = document.getElementById('orders')
const response = await fetch('/api/orders')
const { orders = [`the API answered ${response.status}`] } = await response.json()
list.replaceChildren(
  ...orders.map(text => {
    const item = document.createElement('li')
    item.textContent = text
    return item
  }),
)
